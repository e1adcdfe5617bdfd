import type { Caller } from "@/lib/access/caller";
import type { WorkspaceScope } from "@/lib/access/scope";
import { recordNow } from "@/lib/audit/record";
import { type ClientRow, clientVisibleFrom } from "@/lib/auth-clients/service";
import { inTenant, type Tx } from "@/lib/db/tx";
import { AppError } from "@/lib/errors";
import { isId } from "@/lib/ids";
import { isSecretType, SECRET_TYPE_NAMES, SECRET_TYPES, type SecretTypeName } from "@/lib/secret-types";
import type { OAuth2CredentialsInput, OAuth2Options } from "@/lib/secret-types/oauth2";
import { readCredentials, refuseUnfit } from "./credentials-input";
import type { CreateBody } from "./resource";

/** What a new secret is to be, of the body that asks for one: to be added, or only to be tested. */
export interface NewSecret {
  type: SecretTypeName;
  /** Its `credentials`, checked by the type. */
  given: Record<string, unknown>;
  client: ClientRow | null;
}

type Given = Pick<CreateBody["data"], "relationships"> & {
  attributes: Pick<CreateBody["data"]["attributes"], "type" | "credentials">;
};

/** @throws AppError invalid_attribute, every complaint about the values at once */
export async function readNew(
  caller: Caller,
  scope: WorkspaceScope,
  { attributes, relationships }: Given,
): Promise<NewSecret> {
  const { tenantId, workspaceId } = scope;
  const clientId = relationships?.auth_client?.data.id;
  const client =
    clientId === undefined
      ? null
      : await inTenant(tenantId, (tx) => visibleClient(tx, scope, clientId)).catch(async (error: unknown) => {
          await recordNow(caller, {
            tenantId,
            workspaceId,
            action: "workspaces.auth_clients.get",
            outcome: "denied",
            target: { type: "auth-client", id: clientId },
          });
          throw error;
        });
  const type = typeOf(attributes.type, client?.type);
  const given = readCredentials(type, attributes.credentials);
  if (type === "oauth2" && client)
    refuseUnfit(client.options as unknown as OAuth2Options, given as OAuth2CredentialsInput, true);
  return { type, given, client };
}

export async function visibleClient(tx: Tx, scope: WorkspaceScope, id: string): Promise<ClientRow> {
  const client = isId(id) ? await clientVisibleFrom(tx, scope, id) : null;
  if (!client)
    throw new AppError("invalid_attribute", "There is no such auth client that this workspace can use.", {
      source: { pointer: "/data/relationships/auth_client/data/id" },
    });
  return client;
}

function typeOf(given: string | undefined, clients: string | undefined): SecretTypeName {
  const at = { source: { pointer: "/data/attributes/type" } };
  const type = given ?? clients;
  if (type === undefined)
    throw new AppError("invalid_attribute", "Name the auth client, or the type of a secret that needs none.", at);
  if (!isSecretType(type))
    throw new AppError("invalid_attribute", `Must be one of ${SECRET_TYPE_NAMES.join(", ")}.`, at);
  if (clients !== undefined && given !== undefined && given !== clients)
    throw new AppError("invalid_attribute", `The auth client is of type ${clients}.`, at);
  if (clients === undefined && SECRET_TYPES[type].needsClient)
    throw new AppError("invalid_attribute", `A secret of type ${type} needs an auth client.`, {
      source: { pointer: "/data/relationships/auth_client" },
    });
  return type;
}
