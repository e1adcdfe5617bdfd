import { openJson, openJsonNow } from "@/lib/crypto/envelope";
import { Sensitive } from "@/lib/crypto/sensitive";
import { readStored, type SealedTokens, type StoredTokens } from "@/lib/oauth/token-set";
import { once } from "@/lib/process";
import { tokenPlace } from "@/lib/refresher/token-place";
import type { OAuth2Extras, OpenCredentials } from "./resource";
import type { RequestRow, SecretRow } from "./rows";

/** Where what people typed into a secret is sealed. */
export function credentialsPlace(tenantId: string, secretId: string, generation: number) {
  return { tenantId, table: "secrets", rowId: secretId, field: "credentials", generation };
}

async function openAt<T>(place: Parameters<typeof openJson>[0], sealed: Buffer): Promise<Sensitive<T>> {
  return openJsonNow<T>(place, sealed) ?? (await openJson<T>(place, sealed));
}

/** The current token set, or null when nobody authorized. @throws AppError integrity_failure */
export async function openTokens(
  row: Pick<SecretRow, "tenantId" | "id" | "tokenGeneration" | "tokenSealed">,
): Promise<StoredTokens | null> {
  if (row.tokenSealed === null || row.tokenGeneration === null) return null;
  return readStored(await openAt<SealedTokens>(tokenPlace(row.tenantId, row.id, row.tokenGeneration), row.tokenSealed));
}

const NO_EXTRAS: Sensitive<OAuth2Extras> = new Sensitive(
  Object.freeze({ additional_params: Object.freeze({}), fields: Object.freeze({}) }),
);
const MOST_EMPTY = 4_096;

/**
 * Additional parameters and fields of an oauth2 secret. Most have none, and bytes that were opened to nothing at the same place are
 * not opened again: knowing that keeps no value.
 *
 * @throws AppError integrity_failure
 */
export async function openExtras({
  tenantId,
  id,
  generation,
  sealed,
}: Pick<SecretRow, "tenantId" | "id" | "generation" | "sealed">): Promise<Sensitive<OAuth2Extras>> {
  const empty = once("empty-extras", () => new Set<string>());
  const name = `${tenantId} ${id} ${generation} ${sealed.toString("latin1")}`;
  if (empty.has(name)) return NO_EXTRAS;
  const extras = await openAt<OAuth2Extras>(credentialsPlace(tenantId, id, generation), sealed);
  if (extras.use(holdsNothing)) {
    if (empty.size >= MOST_EMPTY) empty.clear();
    empty.add(name);
  }
  return extras;
}

const holdsNothing = (extras: OAuth2Extras): boolean =>
  Object.values(extras).every(
    (group) => group !== null && typeof group === "object" && Object.keys(group).length === 0,
  );

/** The values of a secret of any type but oauth2. @throws AppError integrity_failure */
export async function openStatic(
  row: Pick<SecretRow, "tenantId" | "id" | "generation" | "sealed">,
): Promise<Sensitive<Record<string, unknown>>> {
  return openAt<Record<string, unknown>>(credentialsPlace(row.tenantId, row.id, row.generation), row.sealed);
}

/** Everything in the secret. @throws AppError integrity_failure */
export async function openCredentials(row: RequestRow): Promise<OpenCredentials> {
  if (row.type === "oauth2") return { kind: "oauth2", tokens: await openTokens(row), extras: await openExtras(row) };
  return { kind: "static", values: await openStatic(row) };
}

/** Values are kept this long after they were opened and no longer (SECURITY LG-4 allows 30 s). */
const KEPT_MS = 20_000;
const MOST_KEPT = 500;

interface Kept extends Pick<RequestRow, "generation" | "sealed" | "tokenGeneration" | "tokenSealed"> {
  opened: Promise<OpenCredentials>;
}

/**
 * The same for requests, of which many go out with one secret: what the same bytes at the same place were opened to just now is not opened again.
 * The row, as it is now, is read and on record each time.
 *
 * @throws AppError integrity_failure
 */
export function openForRequest(row: RequestRow): Promise<OpenCredentials> {
  const kept = once("opened-for-requests", () => new Map<string, Kept>());
  const name = `${row.tenantId} ${row.id}`;
  const known = kept.get(name);
  if (known && isSame(known, row)) return known.opened;
  const { generation, sealed, tokenGeneration, tokenSealed } = row;
  const opened = openCredentials(row);
  const fresh = { generation, sealed, tokenGeneration, tokenSealed, opened };
  const forget = () => {
    if (kept.get(name) === fresh) kept.delete(name);
  };
  if (known || kept.size < MOST_KEPT) {
    kept.set(name, fresh);
    setTimeout(forget, KEPT_MS).unref();
    opened.catch(forget);
  }
  return opened;
}

function isSame(known: Kept, row: RequestRow): boolean {
  return (
    known.generation === row.generation &&
    known.tokenGeneration === row.tokenGeneration &&
    known.sealed.equals(row.sealed) &&
    (row.tokenSealed === null ? known.tokenSealed === null : known.tokenSealed?.equals(row.tokenSealed) === true)
  );
}
