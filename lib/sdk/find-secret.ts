import type { Client } from "./client";
import { LatchkeyError } from "./errors";
import type { AuthSecret, SecretType } from "./resources";

/** No secret of the workspace has the name (or id) that was looked for. */
export class UnknownSecretError extends LatchkeyError {
  constructor(readonly nameOrId: string) {
    const detail = `There is no secret “${nameOrId}” in this workspace.`;
    super({ status: 404, items: [{ code: "not_found", title: "Not Found", detail, pointer: null, parameter: null }] });
  }
}

export interface FoundSecret {
  id: string;
  /** Null where it was named by its id and nobody asked. */
  type: SecretType | null;
}

export interface SecretFinder {
  find(nameOrId: string): Promise<FoundSecret>;
  typeOf(nameOrId: string): Promise<SecretType>;
  /** What a name stood for is gone: the next `find` asks again. */
  forget(nameOrId: string): void;
}

const MOST = 1000;

/**
 * Secrets of a workspace by name, in any case, or by id (24 hex digits). A name is looked up once; finding by name needs
 * `workspaces.auth_secret.get`, by id nothing.
 */
export function secretFinder(client: Client, workspaceId: string): SecretFinder {
  const known = new Map<string, { id: string; type: SecretType }>();
  const isId = (nameOrId: string) => /^[0-9a-f]{24}$/.test(nameOrId);
  const lookUp = async (nameOrId: string) => {
    const remembered = known.get(nameOrId);
    if (remembered) return remembered;
    const { data } = await client.list<AuthSecret>(`/v2/workspaces/${encodeURIComponent(workspaceId)}/secrets`, {
      query: { [isId(nameOrId) ? "filter[id]" : "filter[name]"]: nameOrId, "fields[auth-secret]": "name,type" },
    });
    const [secret] = data;
    if (!secret) throw new UnknownSecretError(nameOrId);
    const found = { id: secret.id, type: secret.attributes.type };
    if (known.size >= MOST) known.clear();
    known.set(nameOrId, found);
    return found;
  };
  return {
    find: async (nameOrId) => (isId(nameOrId) ? { id: nameOrId, type: null } : lookUp(nameOrId)),
    typeOf: async (nameOrId) => (await lookUp(nameOrId)).type,
    forget: (nameOrId) => void known.delete(nameOrId),
  };
}
