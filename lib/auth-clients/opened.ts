import type { OAuthClient } from "@/lib/auth-clients/client";
import { type ClientState, findState, isStillVersion, writeOk, writeProblem } from "@/lib/auth-clients/state-store";
import { type ClientRow, findClient } from "@/lib/auth-clients/store";
import { openJson, type Place } from "@/lib/crypto/envelope";
import { Sensitive } from "@/lib/crypto/sensitive";
import { onClientChange } from "@/lib/db/notifications";
import { inTenant } from "@/lib/db/tx";
import type { Problem } from "@/lib/errors";
import { once } from "@/lib/process";
import type { OAuth2ClientInput, OAuth2Options } from "@/lib/secret-types/oauth2";

/** oauth2 clients as the flow and the refresher use them, and what these found out about them. */

/** Where a client's sealed part lives. */
export function credentialsPlace(tenantId: string, id: string, generation: number): Place {
  return { tenantId, table: "auth_clients", rowId: id, field: "credentials", generation };
}

/** The sealed part of an oauth2 client. */
export interface SealedOAuth2 {
  client_secret?: OAuth2ClientInput["client_secret"];
}

const REMEMBER_MS = 5000;
const MAX_REMEMBERED = 10_000;
/** How often a working client's `last_ok_at` is written. */
const OK_EVERY_MS = 10 * 60_000;

interface Remembered {
  at: number;
  client: Promise<OAuthClient | null>;
}

const remembered = () =>
  once("opened-clients", () => {
    const clients = new Map<string, Remembered>();
    // Edits, verdicts and repairs of other processes: what was loaded before is of no use, also when it is still on its way.
    onClientChange(
      (tenantId, id) => clients.delete(keyOf(tenantId, id)),
      () => clients.clear(),
    );
    return clients;
  });
const okWritten = () => once("client-ok-written", () => new Map<string, { at: number; authMethod: string | null }>());
const keyOf = (tenantId: string, id: string) => `${tenantId}/${id}`;

/**
 * An oauth2 client of tenant `tenantId` (the instance's for a global one), opened; null when there is none. Remembered for
 * 5 s and shared by all who ask meanwhile; an edit in any process ends that at once, as far as the database can be heard.
 *
 * @throws AppError integrity_failure when the stored secret does not open
 */
export async function openOAuthClient(tenantId: string, id: string): Promise<OAuthClient | null> {
  const cache = remembered();
  const key = keyOf(tenantId, id);
  const now = performance.now();
  const known = cache.get(key);
  if (known && now - known.at < REMEMBER_MS) return known.client;
  const client = load(tenantId, id);
  const entry = { at: now, client };
  remember(cache, key, entry);
  try {
    return await client;
  } catch (error) {
    if (cache.get(key) === entry) cache.delete(key);
    throw error;
  }
}

/** Ends what this process remembers of a client, after an edit, a deletion or a verdict has been committed. */
export function forgetOpened(tenantId: string, id: string): void {
  remembered().delete(keyOf(tenantId, id));
}

async function load(tenantId: string, id: string): Promise<OAuthClient | null> {
  const found = await inTenant(tenantId, async (tx) => {
    const row = await findClient(tx, tenantId, id);
    return row && row.type === "oauth2" ? { row, state: await findState(tx, tenantId, id) } : null;
  });
  return found && openRow(found.row, found.state);
}

async function openRow(row: ClientRow, state: ClientState | null): Promise<OAuthClient> {
  const sealed = await openJson<SealedOAuth2>(credentialsPlace(row.tenantId, row.id, row.generation), row.sealed);
  return {
    tenantId: row.tenantId,
    id: row.id,
    name: row.name,
    scope: row.scope,
    version: row.version,
    options: row.options as unknown as OAuth2Options,
    clientSecret: sealed.use((value) => (value.client_secret ? new Sensitive(value.client_secret) : null)),
    secretName: row.secretName,
    learnedAuthMethod: (state?.authMethod ?? null) as OAuthClient["learnedAuthMethod"],
    proven: state?.lastOkAt != null && state.lastOkAt > row.updatedAt,
    problem: state && state.problemVersion === row.version ? state.problem : null,
  };
}

/**
 * Holds a problem against a client, so that its secrets wait: one of them may try again after `probeAfterMs`. Does nothing
 * when the client was edited or deleted meanwhile: the verdict is about what it was.
 */
export async function noteClientProblem(
  client: OAuthClient,
  problem: Problem,
  next: { probeAfterMs: number },
): Promise<void> {
  await inTenant(client.tenantId, async (tx) => {
    if (await isStillVersion(tx, client.tenantId, client.id, client.version))
      await writeProblem(tx, client, { ...problem }, next.probeAfterMs);
  });
  okWritten().delete(`${keyOf(client.tenantId, client.id)}/${client.version}`);
  forgetOpened(client.tenantId, client.id);
}

/**
 * Says that a client works, and how it authenticated. Writes only when that is news: a problem to clear, a method learned
 * under `auto`, or ten minutes since the last time.
 */
export async function noteClientOk(client: OAuthClient, authMethod: string | null = null): Promise<void> {
  const learned = client.options.token_endpoint_auth_method === "auto" ? authMethod : null;
  // Of this version only: the first success after an edit is news, wherever the edit was made.
  const key = `${keyOf(client.tenantId, client.id)}/${client.version}`;
  const written = okWritten().get(key);
  const now = performance.now();
  const knownMethod = written?.authMethod ?? client.learnedAuthMethod;
  const news =
    client.problem !== null ||
    written === undefined ||
    now - written.at >= OK_EVERY_MS ||
    (learned !== null && learned !== knownMethod);
  if (!news) return;
  // Before the write, so that the others who finish at this moment do not write the same.
  remember(okWritten(), key, { at: now, authMethod: learned });
  try {
    await inTenant(client.tenantId, async (tx) => {
      if (await isStillVersion(tx, client.tenantId, client.id, client.version)) await writeOk(tx, client, learned);
    });
  } catch (error) {
    okWritten().delete(key);
    throw error;
  }
  forgetOpened(client.tenantId, client.id);
}

function remember<T>(cache: Map<string, T>, key: string, value: T): void {
  cache.delete(key);
  cache.set(key, value);
  if (cache.size <= MAX_REMEMBERED) return;
  const [oldest] = cache.keys();
  if (oldest !== undefined) cache.delete(oldest);
}
