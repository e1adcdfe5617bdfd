import { type Caller, holdsOnAuthClients } from "@/lib/access/caller";
import { permit } from "@/lib/access/permit";
import type { WorkspaceScope } from "@/lib/access/scope";
import { recordNow } from "@/lib/audit/record";
import type { OAuthClient } from "@/lib/auth-clients/client";
import { openOAuthClient } from "@/lib/auth-clients/service";
import { AppError, type Problem } from "@/lib/errors";
import type { Resource } from "@/lib/http/json-api";
import { tokenHost } from "@/lib/oauth/server-for";
import type { Exchange } from "@/lib/oauth/witness";
import type { Freshened } from "@/lib/refresher/live-world";
import { testRequest } from "@/lib/refresher/test-request";
import { needsBrowser } from "@/lib/secret-types/oauth2";
import type { SecretRow } from "@/lib/secrets/rows";
import { findSecret } from "@/lib/secrets/service";
import { problemOf } from "@/lib/secrets/state";
import { closedBy } from "@/lib/secrets/unserved";
import { type MaskedExchange, maskedExchange } from "./masked-exchange";
import { limitTests } from "./test-limit";

/** "Test" of a secret for whose tokens Latchkey asks by itself: one request, shown with its answer. */

export const WAIT_MS = 20_000;

/**
 * Asks for a token as the refresher does, under the same lease, keeps what comes, and tells what was sent and answered, with every value
 * masked. A provider that refuses is an answer; an error means that nothing was learned.
 *
 * @throws AppError bad_request, forbidden, conflict (an attempt is under way), throttled, provider_fault, audit_unavailable
 */
export async function testTokenRequest(caller: Caller, scope: WorkspaceScope, row: SecretRow): Promise<Resource> {
  const target = { type: "auth-secret", id: row.id, name: row.name };
  await permit(caller, "workspaces.auth_secret.refresh", scope, target);
  const client = await clientOf(row);
  await limitTests(caller);
  await recordNow(caller, {
    tenantId: scope.tenantId,
    workspaceId: scope.workspaceId,
    action: "secret.tested",
    target,
    generation: row.tokenGeneration,
    host: tokenHost(client),
  });
  const seen: Exchange[] = [];
  const began = performance.now();
  const came = await testRequest(
    { tenantId: row.tenantId, secretId: row.id, authClientTenantId: client.tenantId, authClientId: client.id },
    // A person who tests has mended something at the provider; programs repeat whatever fails.
    {
      dead: caller.via === "session",
      actor: caller.name,
      waitMs: WAIT_MS,
      witness: (exchange) => void seen.push(exchange),
    },
  );
  const after = await findSecret(caller, scope, row.id, "secret.tested");
  if (came.kind === "closed") throw resting(came);
  if (came.kind !== "landed" && came.kind !== "failed" && seen.length === 0) throw unsent(after);
  const verdict = verdictOf(after, came);
  return toTokenTest(row.id, {
    ...verdict,
    expiresMs: verdict.outcome === "token" ? after.expiresMs : null,
    exchanges: shownTo(caller, client, seen),
    durationMs: performance.now() - began,
  });
}

/** Every exchange masked; of the auth client's own values so much as this caller may read. */
export function shownTo(caller: Caller, client: OAuthClient, seen: readonly Exchange[]): MaskedExchange[] {
  const details = holdsOnAuthClients(caller, "get", client.scope);
  return seen.map((exchange) => maskedExchange(exchange, details));
}

/** @throws AppError bad_request for what a person grants in a browser */
export async function clientOf({
  authClientTenantId,
  authClientId,
}: Pick<SecretRow, "authClientTenantId" | "authClientId">): Promise<OAuthClient> {
  const client = authClientTenantId && authClientId ? await openOAuthClient(authClientTenantId, authClientId) : null;
  if (!client || needsBrowser(client.options.grant_type))
    throw new AppError(
      "bad_request",
      "Only secrets for whose tokens Latchkey asks by itself can be tested. This one is authorized in a browser: refresh it, or authorize it again.",
    );
  return client;
}

/** The provider is left alone for a while. */
export function resting(came: Extract<Freshened, { kind: "closed" }>): AppError {
  const { detail } = closedBy(came);
  return new AppError("provider_fault", `Nothing was sent. ${detail}`, { retryAfterS: came.retryAfterMs / 1000 });
}

/** Somebody else's attempt was under way, or the secret has to rest. */
function unsent(row: SecretRow): AppError {
  if (row.leased)
    return new AppError(
      "conflict",
      "A token is being asked for at this moment, so nothing was sent. Test again shortly.",
    );
  if (row.status === "dead")
    return new AppError(
      "conflict",
      "The provider refused it for good, so nothing was sent. A person can test it again.",
    );
  return new AppError(
    "throttled",
    "Nothing was sent: after what the provider answered last, this secret has to rest. What happened says until when.",
    { retryAfterS: row.dueMs !== null && row.dueMs > row.nowMs ? (row.dueMs - row.nowMs) / 1000 : 10 },
  );
}

export interface Verdict {
  outcome: "token" | "refused" | "no_answer";
  detail: string;
  problem: Problem | null;
}

function verdictOf(row: SecretRow, came: Awaited<ReturnType<typeof testRequest>>): Verdict {
  if (came.kind === "landed")
    return {
      outcome: "token",
      detail: "The provider gave a token. It is kept, and used from now on.",
      problem: null,
    };
  if (came.kind === "failed")
    return { outcome: "refused", detail: came.detail, problem: problemOf(row) ?? row.clientProblem };
  return {
    outcome: "no_answer",
    detail:
      came.kind === "slow"
        ? `No answer came within ${WAIT_MS / 1000} s. The request goes on; what comes of it stands under What happened.`
        : "The secret was changed meanwhile, so the answer was not kept. Test again.",
    problem: null,
  };
}

/** @param secretId null: it is not saved */
export function toTokenTest(
  secretId: string | null,
  {
    outcome,
    detail,
    problem,
    expiresMs,
    exchanges,
    durationMs,
  }: Verdict & { expiresMs: number | null; exchanges: MaskedExchange[]; durationMs: number },
): Resource {
  return {
    id: secretId,
    type: "token-test",
    attributes: {
      outcome,
      detail,
      problem,
      expires_at: expiresMs === null ? null : new Date(expiresMs).toISOString(),
      exchanges,
      duration_ms: Math.round(durationMs),
    },
  };
}
