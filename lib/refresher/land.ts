import type { OAuthClient } from "@/lib/auth-clients/client";
import type { TokenAnswer } from "@/lib/oauth/token-endpoint";
import { type StoredTokens, succeed } from "@/lib/oauth/token-set";
import { type Attempt, tell } from "./attempt";
import { leadMs } from "./policy";
import type { Landing, Outcome, World } from "./world";

/** 5: makes an answer with tokens durable, again and again until the commit is known. */
export async function land(
  attempt: Attempt,
  client: OAuthClient,
  previous: StoredTokens | null,
  answer: Extract<TokenAnswer, { kind: "tokens" }>,
  askedAt: number,
  late = false,
): Promise<Outcome> {
  const { world, lease } = attempt;
  const tokens = succeed(previous, answer.tokens);
  const renewable = world.provider.renewable(client, tokens);
  const lifetimeS = answer.tokens.expiresIn ?? (renewable ? client.options.token_expires_in : null);
  const base: Omit<Landing, "parentGeneration" | "sealed" | "sibling"> = {
    lease,
    tokenMac: tokens.refresh_token === null ? null : world.vault.tokenMac(tokens.refresh_token),
    previousMac: previous?.refresh_token ? world.vault.tokenMac(previous.refresh_token) : null,
    issuedAtMs: answer.issuedAtMs,
    askedAt,
    lifetimeS,
    leadMs: lifetimeS === null ? 0 : leadMs(lifetimeS, world.leadS, world.random()),
    renewable,
    hasRefreshToken: tokens.refresh_token !== null,
    tokenType: tokens.token_type,
    scope: answer.tokens.scope,
    fingerprint: world.vault.fingerprint(lease.tenantId, tokens.access_token),
    refreshFingerprint:
      tokens.refresh_token === null ? null : world.vault.fingerprint(lease.tenantId, tokens.refresh_token),
    durationMs: Math.round(world.clock.monotonic() - askedAt),
    actor: attempt.actor,
  };
  let parentGeneration = lease.generation;
  let sibling = false;
  for (;;) {
    const sealed = await untilDone(world, () => world.vault.seal(lease, parentGeneration + 1, tokens));
    const verdict = await untilDone(world, () => world.rows.land({ ...base, parentGeneration, sealed, sibling }));
    if (verdict.kind === "landed") {
      tell(attempt, late ? "late" : "landed");
      await world.clients.noteOk(client, answer.authMethod).catch(world.reportStoreTrouble);
      return { kind: "landed" };
    }
    if (verdict.kind === "foreign") {
      tell(attempt, "foreign");
      await world.provider.revoke(client, tokens, lease.tenantId);
      return { kind: "superseded" };
    }
    // The pointer moved while we waited. The later issued of the two is the one to go on with (I3); the other stays in the ledger.
    if (!verdict.successor && verdict.issuedAtMs !== null && verdict.ownIssuedAtMs <= verdict.issuedAtMs) {
      tell(attempt, "moved");
      return { kind: "superseded" };
    }
    parentGeneration = verdict.generation;
    sibling = !verdict.successor;
  }
}

/** I2: a token that was received is kept in memory and tried again until it is known to be durable, however long that takes. */
async function untilDone<T>(world: World, work: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await work();
    } catch (error) {
      world.reportStoreTrouble(error);
      await world.clock.sleep(Math.min(5_000, 50 * 2 ** Math.min(tries, 7)));
    }
  }
}

/** After the hard deadline: the answer is still landed when it comes (REFRESH C12); its failure says nothing any more. */
export function landLate(
  attempt: Attempt,
  client: OAuthClient,
  tokens: StoredTokens | null,
  sent: Promise<TokenAnswer>,
  askedAt: number,
): void {
  attempt.world.background(
    sent.then(async (answer) => {
      if (answer.kind === "tokens") await land(attempt, client, tokens, answer, askedAt, true);
    }),
  );
}
