import type { OAuthClient } from "@/lib/auth-clients/client";
import { AppError } from "@/lib/errors";
import type { Failure } from "@/lib/oauth/failure";
import type { Held } from "@/lib/oauth/grants/grant";
import type { TokenAnswer } from "@/lib/oauth/token-endpoint";
import type { StoredTokens } from "@/lib/oauth/token-set";
import { type Attempt, superseded, tell } from "./attempt";
import { DAMAGED, DEADLINE, fail, GONE, pause, refused } from "./failed";
import { land, landLate } from "./land";
import { GUARD_MS, HARD_DEADLINE_MS } from "./policy";
import type { Lease, Outcome, World } from "./world";

/*
 * The critical path, in the order it runs (REFRESH section 4):
 *
 *   1  the lease is held already (claim.ts); from here its heartbeat runs
 *   2  open the auth client, the stored tokens and what else the request is made of
 *   3  guard: write down that a request is about to be sent, for one kind of grant with the refresh token in it
 *   4  send; the hard deadline ends the lease, never the request
 *   5  an answer with tokens: land it, again and again until the commit is known (land.ts)
 *   6  a refusal: another refresh token of the same grant, else a second look later, else dead (failed.ts)
 *   7  any other failure: say when to try again; the stored access token goes on serving (failed.ts)
 */

/**
 * Runs one attempt for a leased secret. Never rejects for the provider's fault.
 *
 * @param heard called when the provider has answered with tokens, before they are landed: its room is free again
 */
export async function refreshOne(
  world: World,
  lease: Lease,
  actor: string | null,
  heard?: () => void,
): Promise<Outcome> {
  const started = world.clock.monotonic();
  world.rows.hold(lease); // 1
  const attempt: Attempt = { world, lease, actor, started, askedAt: started, client: null, calls: 0, heard };
  try {
    const client = await world.clients.open(lease.authClientTenantId, lease.authClientId); // 2
    if (!client) return await pause(attempt, "integrity", GONE);
    attempt.client = client;
    if (client.problem && !lease.probing) {
      await world.rows.release(lease);
      tell(attempt, "released");
      return { kind: "failed", code: "paused", detail: "The auth client waits for an administrator." };
    }
    let held: Held;
    try {
      const tokens = lease.sealed === null ? null : await world.vault.open(lease, lease.generation, lease.sealed);
      held = { tokens, own: await world.vault.own(lease, client) };
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== "integrity_failure") throw error;
      return await pause(attempt, "integrity", DAMAGED);
    }
    return await present(attempt, client, held);
  } finally {
    world.rows.drop(lease);
  }
}

/** A lease that ends this soon is not one to begin sending on: connecting took too long, or the process stood still. */
const WRITE_MARGIN_MS = 1_000;

/** Asks with what is held and, after a refusal of a refresh token, with what else the ledger holds. */
async function present(attempt: Attempt, client: OAuthClient, current: Held): Promise<Outcome> {
  const { world, lease } = attempt;
  const tried = new Set<string>();
  let held = current;
  for (;;) {
    const refreshToken = held.tokens?.refresh_token ?? null;
    const presented = refreshToken === null ? null : world.vault.tokenMac(refreshToken);
    if (presented) tried.add(presented);
    const guardedAt = world.clock.monotonic();
    if (!(await world.rows.guard(lease))) {
      // 3. Either it is not ours any more, and this changes nothing, or its provider must be left alone for a while.
      await world.rows.release(lease);
      return superseded(attempt);
    }
    const askedAt = world.clock.monotonic();
    if (askedAt - guardedAt >= GUARD_MS) {
      await world.rows.release(lease);
      return superseded(attempt);
    }
    attempt.askedAt = askedAt;
    let tooLate = false;
    const sent = world.provider.renew(client, held, () => {
      tooLate = world.clock.monotonic() > lease.heldUntil - WRITE_MARGIN_MS;
      if (!tooLate) attempt.calls += 1;
      return !tooLate;
    }); // 4
    const answer = await untilDeadline(world, sent);
    if (tooLate) {
      await world.rows.release(lease);
      return superseded(attempt);
    }
    if (answer === "deadline") {
      landLate(attempt, client, held.tokens, sent, askedAt);
      return fail(attempt, DEADLINE, "deadline");
    }
    if (answer.kind === "tokens") {
      attempt.heard?.();
      return land(attempt, client, held.tokens, answer, askedAt); // 5
    }
    if (answer.failure.kind !== "refused" || isRequestFault(answer.failure, client))
      return fail(attempt, answer.failure);
    if (presented === null) return refused(attempt, client, answer.failure, false); // 6
    await world.rows.markRefused(lease, presented);
    const next = await nextAlternative(attempt, tried);
    if (!next) return refused(attempt, client, answer.failure, true);
    held = { ...held, tokens: next };
  }
}

/**
 * A 400 that some servers mean as "dead" and others as "wrong request": when the provider never accepted this version of the
 * client, the request is at fault and no secret is blamed (REFRESH section 6, PROVIDERS "Seen on real servers").
 */
function isRequestFault(failure: Failure, client: OAuthClient): boolean {
  return failure.code === "request_rejected" && failure.kind === "refused" && !client.proven;
}

/** The answer, or that the hard deadline is over, as far as this process can tell. */
export async function untilDeadline(world: World, sent: Promise<TokenAnswer>): Promise<TokenAnswer | "deadline"> {
  let heardInTime = () => {};
  const deadline = new Promise<"deadline">((resolve) => {
    // A process that stood still finds its timers over before it reads the answers that came meanwhile.
    heardInTime = world.clock.after(HARD_DEADLINE_MS, () => world.soon(() => resolve("deadline")));
  });
  try {
    return await Promise.race([sent, deadline]);
  } finally {
    heardInTime();
  }
}

/** The newest sibling; the predecessor only when one of its presentations may have made a child that we never saw. */
async function nextAlternative(attempt: Attempt, tried: Set<string>): Promise<StoredTokens | null> {
  const { world, lease } = attempt;
  const childUnseen = lease.lostGeneration === lease.generation - 1;
  for (const alternative of await world.rows.alternatives(lease, childUnseen)) {
    if (tried.has(alternative.tokenMac)) continue;
    return world.vault.open(lease, alternative.generation, alternative.sealed);
  }
  return null;
}
