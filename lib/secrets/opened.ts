import { openJson, openJsonNow } from "@/lib/crypto/envelope";
import type { Sensitive } from "@/lib/crypto/sensitive";
import { readStored, type SealedTokens, type StoredTokens } from "@/lib/oauth/token-set";
import { tokenPlace } from "@/lib/refresher/token-place";
import type { OAuth2Extras, OpenCredentials } from "./resource";
import type { SecretRow } from "./rows";

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

/** Additional parameters and fields of an oauth2 secret. @throws AppError integrity_failure */
export async function openExtras(
  row: Pick<SecretRow, "tenantId" | "id" | "generation" | "sealed">,
): Promise<Sensitive<OAuth2Extras>> {
  return openAt<OAuth2Extras>(credentialsPlace(row.tenantId, row.id, row.generation), row.sealed);
}

/** The values of a secret of any type but oauth2. @throws AppError integrity_failure */
export async function openStatic(
  row: Pick<SecretRow, "tenantId" | "id" | "generation" | "sealed">,
): Promise<Sensitive<Record<string, unknown>>> {
  return openAt<Record<string, unknown>>(credentialsPlace(row.tenantId, row.id, row.generation), row.sealed);
}

/** Everything in the secret. @throws AppError integrity_failure */
export async function openCredentials(row: SecretRow): Promise<OpenCredentials> {
  if (row.type === "oauth2") return { kind: "oauth2", tokens: await openTokens(row), extras: await openExtras(row) };
  return { kind: "static", values: await openStatic(row) };
}
