import type { Caller } from "@/lib/access/caller";
import type { WorkspaceScope } from "@/lib/access/scope";
import { recordWith } from "@/lib/audit/record";
import type { OAuthClient } from "@/lib/auth-clients/client";
import { systemClock } from "@/lib/clock";
import { inTenant } from "@/lib/db/tx";
import { AppError } from "@/lib/errors";
import type { TokenAnswer } from "@/lib/oauth/token-endpoint";
import { succeed } from "@/lib/oauth/token-set";
import { errorFields, log } from "@/lib/observability/log";
import { insertEvent } from "./event-store";
import { openExtras } from "./opened";
import { saveNewGrant } from "./save-tokens";
import { type AuthorizableSecret, authorizableSecret, notifyChange } from "./store";
import { lockTokens } from "./token-store";

export { authorizableSecret };

export async function openAdditionalParams(secret: AuthorizableSecret): Promise<Record<string, string>> {
  return (await openExtras(secret)).use((extras) => extras.additional_params);
}

/** A received token set is tried this often before it is given up: the code that bought it cannot be used again. */
const SAVE_TRIES = 12;

/** Makes the tokens of a new consent current. Null when the secret was deleted meanwhile. */
export async function saveAuthorized(
  caller: Caller,
  given: {
    scope: WorkspaceScope;
    secretId: string;
    client: OAuthClient;
    answer: Extract<TokenAnswer, { kind: "tokens" }>;
    askedAt: number;
    grantId: string;
  },
): Promise<{ hasRefreshToken: boolean } | null> {
  const { scope, secretId, client, answer } = given;
  const tokens = succeed(null, answer.tokens);
  for (let tries = 1; ; tries++) {
    try {
      await inTenant(scope.tenantId, async (tx) => {
        // An earlier try whose commit was not heard of: it is stored, and may have been refreshed since.
        if ((await lockTokens(tx, scope.tenantId, secretId))?.grantId === given.grantId) return;
        const secret = await authorizableSecret(tx, scope.tenantId, secretId);
        const generation = await saveNewGrant(tx, {
          scope,
          secretId,
          client,
          tokens,
          lifetimeS: answer.tokens.expiresIn ?? undefined,
          ageMs: systemClock.monotonic() - given.askedAt,
          issuedAtMs: answer.issuedAtMs,
          grantId: given.grantId,
        });
        await insertEvent(tx, scope.tenantId, secretId, {
          event: "authorized",
          actor: caller.name,
          generation,
          durationMs: Math.round(systemClock.monotonic() - given.askedAt),
          detail: tokens.refresh_token === null ? "No refresh token came." : null,
        });
        await recordWith(tx, caller, {
          tenantId: scope.tenantId,
          workspaceId: scope.workspaceId,
          action: "secret.authorized",
          target: { type: "auth-secret", id: secretId, name: secret?.name },
          generation,
          host: new URL(client.options.token_uri).host,
        });
        await notifyChange(tx, scope.workspaceId, secretId);
      });
      return { hasRefreshToken: tokens.refresh_token !== null };
    } catch (error) {
      if (error instanceof AppError && error.code === "not_found") return null;
      if (tries >= SAVE_TRIES) throw error;
      log.error("a new grant waits for the database", { secretId, ...errorFields(error) });
      await systemClock.sleep(Math.min(5_000, 100 * 2 ** tries));
    }
  }
}
