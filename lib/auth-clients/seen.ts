import { type Caller, holdsOnAuthClients } from "@/lib/access/caller";
import { recordNow } from "@/lib/audit/record";
import { credentialsPlace, type SealedOAuth2 } from "@/lib/auth-clients/opened";
import { type ClientView, wireOptions } from "@/lib/auth-clients/resource";
import type { ClientFacts, ClientRow } from "@/lib/auth-clients/store";
import { openJson } from "@/lib/crypto/envelope";
import { Sensitive } from "@/lib/crypto/sensitive";
import { AppError } from "@/lib/errors";
import { errorFields, log } from "@/lib/observability/log";
import type { OAuth2Options } from "@/lib/secret-types/oauth2";

/** What a caller sees of a client. */

/** A client and what this caller may see of it. */
export interface SeenClient {
  row: ClientRow;
  view: ClientView;
}

export function factsFor(facts: Map<string, ClientFacts>, row: ClientRow): ClientFacts {
  return facts.get(row.id) ?? { componentIds: [], problem: null };
}

/**
 * Credentials are for those who hold `.get` at the client's own scope (CONTRACT section 2). Secret values among them leave
 * only to API keys, never to a browser session (VAL-1).
 */
export async function see(
  caller: Caller,
  row: ClientRow,
  known: ClientFacts & { usedBy?: number },
): Promise<SeenClient> {
  if (!holdsOnAuthClients(caller, "get", row.scope)) return { row, view: { ...known, credentials: null } };
  const session = caller.via === "session";
  if (session && row.type !== "oauth2") return { row, view: { ...known, credentials: null } };
  const opened = await openSealed(row);
  if (!opened)
    return { row, view: { ...known, credentials: null, problem: { ...BROKEN, since: row.updatedAt.toISOString() } } };
  if (row.type !== "oauth2") return { row, view: { ...known, credentials: opened } };
  const options = wireOptions(row.options as unknown as OAuth2Options);
  const hasClientSecret = opened.use((value) => typeof (value as SealedOAuth2).client_secret === "string");
  const credentials = opened.use((secret) => new Sensitive(session ? options : { ...options, ...secret }));
  return { row, view: { ...known, credentials, hasClientSecret } };
}

const BROKEN = {
  code: "integrity_failure",
  title: "Stored credentials cannot be read",
  detail: "What is stored for this client failed its integrity check. Restore a backup, or create the client again.",
  who: "admin",
};

/** Null when the stored bytes are not what Latchkey wrote there: one broken client must not hide the others. */
export async function openSealed(row: ClientRow) {
  try {
    return await openJson<Record<string, unknown>>(credentialsPlace(row.tenantId, row.id, row.generation), row.sealed);
  } catch (error) {
    if (!(error instanceof AppError && error.code === "integrity_failure")) throw error;
    log.error("integrity-failure", { tenantId: row.tenantId, authClientId: row.id, ...errorFields(error) });
    return null;
  }
}

/** One entry for each tenant whose clients' secret values are in the answer, committed before the answer leaves. */
export async function recordShown(caller: Caller, seen: readonly SeenClient[]): Promise<void> {
  if (caller.via === "session") return;
  const shown = seen.filter(({ view }) => view.credentials !== null).map(({ row }) => row);
  for (const tenantId of new Set(shown.map((row) => row.tenantId))) {
    const rows = shown.filter((row) => row.tenantId === tenantId);
    const [only] = rows;
    const workspaceIds = new Set(rows.map((row) => (row.scope.kind === "workspace" ? row.scope.workspaceId : null)));
    await recordNow(caller, {
      tenantId,
      workspaceId: workspaceIds.size === 1 ? [...workspaceIds][0] : null,
      action: "auth_clients.get_credentials",
      target:
        rows.length === 1 && only
          ? { type: "auth-client", id: only.id, name: only.name }
          : { type: "auth-client", name: `${rows.length} auth clients` },
      detail: rows.length === 1 ? undefined : { ids: rows.map((row) => row.id) },
    });
  }
}
