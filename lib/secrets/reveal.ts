import type { Caller } from "@/lib/access/caller";
import type { Permission } from "@/lib/access/permissions";
import { requireRecentSignIn } from "@/lib/access/permit";
import type { WorkspaceScope } from "@/lib/access/scope";
import { countFor } from "@/lib/accounts/person-limits";
import { systemClock } from "@/lib/clock";
import { inTenant } from "@/lib/db/tx";
import { AppError, notFound } from "@/lib/errors";
import type { Resource } from "@/lib/http/json-api";
import { readSecretAudited } from "./audited-read-store";
import { insertEvent } from "./event-store";
import { openCredentials } from "./opened";
import { permitted } from "./permitted";
import type { SecretRow } from "./rows";
import { findSecret, recordDenied } from "./service";

const REVEAL: Permission = "workspaces.auth_secret.get_credentials";

/**
 * One value for a person who asked to see it: recorded first, for a browser only after a recent sign-in, not without measure, and
 * not where the secret or its tenant says never (VAL-2).
 *
 * @throws AppError reauth_required, reveal_forbidden, throttled, invalid_attribute, not_found, forbidden
 */
export async function revealValue(caller: Caller, workspaceId: string, id: string, field: string): Promise<Resource> {
  const scope = await permitted(caller, REVEAL, workspaceId, id);
  await refuseNeverShown(caller, scope, id, field);
  requireRecentSignIn(caller, systemClock.now());
  await limitReveals(caller, scope, id);
  const row = await readSecretAudited(caller, scope, id, "secret.revealed", { field });
  if (!row) throw notFound("secret");
  // It may be never since the look above. Recorded as denied then: entry and row come from one statement.
  if (row.revealEffective === "never") throw neverShown(row);
  const open = await openCredentials(row);
  const values: Record<string, unknown> =
    open.kind === "static"
      ? open.values.reveal()
      : { access_token: open.tokens?.access_token.reveal(), refresh_token: open.tokens?.refresh_token?.reveal() };
  const value = memberOf(values, field);
  if (value === undefined || value === null)
    throw new AppError("invalid_attribute", "There is no such value in this secret.", {
      source: { pointer: "/field" },
    });
  await inTenant(scope.tenantId, (tx) =>
    insertEvent(tx, scope.tenantId, id, {
      event: "revealed",
      actor: caller.name,
      generation: row.tokenGeneration,
      detail: field,
    }),
  );
  return {
    id: row.id,
    type: "value",
    attributes: { field, value: typeof value === "string" ? value : JSON.stringify(value) },
  };
}

/** Before a password is asked for that would change nothing, and before it counts. */
async function refuseNeverShown(caller: Caller, scope: WorkspaceScope, id: string, field: string): Promise<void> {
  const row = await findSecret(caller, scope, id, "secret.revealed");
  if (row.revealEffective !== "never") return;
  const target = { type: "auth-secret", id, name: row.name };
  await recordDenied(caller, scope, "secret.revealed", target, { field });
  throw neverShown(row);
}

/** A member, or one of a member's own: `headers.X-API-Key`. */
function memberOf(values: Record<string, unknown>, field: string): unknown {
  if (Object.hasOwn(values, field)) return values[field];
  const dot = field.indexOf(".");
  const member = dot > 0 && Object.hasOwn(values, field.slice(0, dot)) ? values[field.slice(0, dot)] : undefined;
  if (typeof member !== "object" || member === null) return undefined;
  const inner = field.slice(dot + 1);
  return Object.hasOwn(member, inner) ? (member as Record<string, unknown>)[inner] : undefined;
}

function neverShown(row: SecretRow): AppError {
  return new AppError(
    "reveal_forbidden",
    row.reveal === "never"
      ? "The values of this secret are never shown to people. Who may edit the secret can change that; where the tenant says never, too, the tenant's owner."
      : "The tenant never shows values to people. The tenant's owner can change that.",
  );
}

async function limitReveals(caller: Caller, scope: WorkspaceScope, id: string): Promise<void> {
  const waitMs = await countFor(caller, "reveal");
  if (waitMs <= 0) return;
  await recordDenied(caller, scope, "secret.revealed", { type: "auth-secret", id });
  const retryAfterS = Math.ceil(waitMs / 1000);
  throw new AppError(
    "throttled",
    `You have shown many values in a short time. The next one can be shown in ${retryAfterS} second${retryAfterS === 1 ? "" : "s"}.`,
    {
      retryAfterS,
    },
  );
}
