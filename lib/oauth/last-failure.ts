import type { Caller } from "@/lib/access/caller";
import { permit } from "@/lib/access/permit";
import { resolveWorkspace } from "@/lib/accounts/places";
import { inTenant } from "@/lib/db/tx";
import { notFound } from "@/lib/errors";
import type { Resource } from "@/lib/http/json-api";
import { findSecret } from "@/lib/secrets/service";
import { lastFailure } from "./attempt-store";
import { callbackFailure, isCallbackCode } from "./callback-failure";

/**
 * What the failure page of a secret shows: this person's last failed authorization of it, or, for a reason that belongs to
 * no attempt (`state_used`), the words for that reason.
 *
 * @throws AppError not_found when nothing failed
 */
export async function readAuthorizationFailure(
  caller: Caller,
  workspaceId: string,
  secretId: string,
  reason: string | null,
): Promise<Resource> {
  const scope = await resolveWorkspace(caller, workspaceId, "workspaces.auth_secret.get");
  await permit(caller, "workspaces.auth_secret.get", scope, { type: "auth-secret", id: secretId });
  const row = await findSecret(caller, scope, secretId, "workspaces.auth_secret.get");
  const last = await inTenant(scope.tenantId, (tx) =>
    lastFailure(tx, scope.tenantId, secretId, caller.userId ?? caller.id),
  );
  const stored = last && (reason === null || last.failure.code === reason) ? last.failure : null;
  const failure =
    stored ?? (reason !== null && isCallbackCode(reason) ? { ...callbackFailure(reason, row.nowMs) } : null);
  if (!failure) throw notFound("failed authorization");
  return {
    id: secretId,
    type: "authorization-failure",
    attributes: { ...failure, redirect_uri: last?.redirectUri ?? null, secret_name: row.name },
  };
}
