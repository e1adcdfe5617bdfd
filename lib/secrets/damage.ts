import { isAuthentic } from "@/lib/crypto/envelope";
import { log } from "@/lib/observability/log";
import { tokenPlace } from "@/lib/refresher/token-place";
import { credentialsPlace } from "./opened";
import type { SecretRow } from "./rows";

/**
 * Rows whose stored bytes are not what Latchkey wrote there (CRY-11): shown as such, and never in the way of others. Nothing
 * is remembered about them; the bytes themselves say it, whenever they are looked at, and a repaired row is whole at once.
 */

/**
 * Checks what is sealed in a row that is about to be shown without its values, and flags it when it is damaged. Nobody gets
 * a value by this, so it is no use of the secret for the audit.
 *
 * @returns whether it is whole
 */
export async function flagIfDamaged(row: SecretRow): Promise<boolean> {
  const whole =
    (await isAuthentic(credentialsPlace(row.tenantId, row.id, row.generation), row.sealed)) &&
    (row.tokenSealed === null ||
      row.tokenGeneration === null ||
      (await isAuthentic(tokenPlace(row.tenantId, row.id, row.tokenGeneration), row.tokenSealed)));
  if (!whole) flag(row);
  return whole;
}

/** Makes the row say so on the wire: `state` error, `problem` integrity_failure. */
export function flag(row: SecretRow): void {
  log.error("integrity-failure", { tenantId: row.tenantId, secretId: row.id });
  if (row.type === "oauth2") row.status = "paused";
  row.problem = {
    code: "integrity_failure",
    title: "This secret cannot be opened",
    detail:
      "Its stored value fails the integrity check: it was changed or moved outside Latchkey, or the master key is another one.",
    who: "admin",
    since: new Date(row.nowMs).toISOString(),
  };
  row.declaredState = "error";
  row.declaredError = row.problem.detail;
}
