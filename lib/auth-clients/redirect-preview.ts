import { z } from "zod";
import type { Caller } from "@/lib/access/caller";
import { denyUnknown, permit } from "@/lib/access/permit";
import { resolveWorkspace } from "@/lib/accounts/places";
import { grantTypeOf } from "@/lib/auth-clients/service";
import { findVisibleClient, redirectCodeOf } from "@/lib/auth-clients/store";
import { inTenant } from "@/lib/db/tx";
import { AppError } from "@/lib/errors";
import { parameterComplaint } from "@/lib/http/json-api";
import { previewSecretName } from "@/lib/oauth/redirect-names";
import { displayName } from "@/lib/secret-types/names";
import { needsBrowser } from "@/lib/secret-types/oauth2";

/**
 * The `secretName` a new secret of this name would get now, so that a person can register the redirect URI before saving.
 * With a client whose secrets share one URI, that client's.
 *
 * @throws AppError not_found, forbidden, invalid_parameter
 */
export async function previewRedirectUri(
  caller: Caller,
  workspaceId: string,
  name: string | null,
  authClientId: string | null,
): Promise<string> {
  const scope = await resolveWorkspace(caller, workspaceId);
  await permit(caller, "workspaces.auth_secret.create", scope, { type: "workspace", id: workspaceId });
  const parsed = z.object({ name: displayName }).safeParse({ name: name ?? "" });
  const found = await inTenant(scope.tenantId, async (tx) => {
    const client = authClientId === null ? null : await findVisibleClient(tx, scope, authClientId);
    if (authClientId !== null && !client) return null;
    if (client?.type === "oauth2" && !needsBrowser(grantTypeOf(client)))
      throw new AppError(
        "invalid_parameter",
        "Secrets of this auth client have no redirect URI: nobody authorizes them.",
        {
          source: { parameter: "auth_client" },
        },
      );
    if (client?.secretName) return client.secretName;
    if (!parsed.success) throw parameterComplaint(parsed.error);
    const owner = { tenantId: scope.tenantId, ownerId: scope.workspaceId, code: await redirectCodeOf(tx, scope) };
    return previewSecretName(tx, owner, parsed.data.name);
  });
  return found ?? denyUnknown(caller, "auth_clients.get", { type: "auth-client", id: authClientId });
}
