import type { OAuthClient } from "@/lib/auth-clients/client";
import { grantOf } from "@/lib/oauth/grants";
import type { OwnRequest } from "@/lib/oauth/grants/grant";
import type { TokenAnswer } from "@/lib/oauth/token-endpoint";
import type { Witness } from "@/lib/oauth/witness";
import { ticketResult } from "./ensure-fresh";
import type { TicketResult } from "./hosts";
import { type Freshened, type Refresher, refresher } from "./live-world";
import { untilDeadline } from "./refresh-one";

/** What came of it: an answer, or none because the provider has no room, gets a rest, or is slow. */
export type Tried = { kind: "answer"; answer: TokenAnswer } | Extract<Freshened, { kind: "closed" | "slow" }>;

/**
 * Makes a token request of what nobody has saved, once: with a room at the provider and at its pace like every other, but without a row, so
 * nothing of it is kept. Of a request that takes longer than `waitMs`, the answer is read by nobody.
 *
 * @param tenantId of who asks
 * @param witness told of each request as it is sent
 */
export async function tryRequest(
  client: OAuthClient,
  own: OwnRequest,
  { tenantId, waitMs, witness }: { tenantId: string; waitMs: number; witness: Witness },
  self: Refresher = refresher(),
): Promise<Tried> {
  const { world, hosts, paces } = self;
  const until = world.clock.monotonic() + waitMs;
  const entry = await hosts.enter(world.provider.host(client), tenantId, waitMs);
  if (entry.kind === "open") return { kind: "closed", retryAfterMs: entry.retryAfterMs };
  if (entry.kind === "full") return { kind: "slow" };
  let asked = false;
  const over = new AbortController();
  try {
    const turn = await paces.turn({ tenantId, authClientId: client.id }, until);
    if (turn.kind === "blocked") return { kind: "closed", retryAfterMs: turn.retryAfterMs, throttled: true };
    if (turn.kind === "full") return { kind: "slow" };
    let tooLate = false;
    const inTime = () => {
      tooLate = world.clock.monotonic() >= until;
      return !tooLate;
    };
    const sent = grantOf(client).renew(client, { tokens: null, own }, inTime, witness);
    asked = true;
    // The request goes on though nobody waits, and so does its room; that somebody's patience is over says nothing about the provider.
    untilDeadline(world, sent).then(
      (answer) => entry.ticket.leave(tooLate ? "unused" : resultOf(answer)),
      () => entry.ticket.leave("unused"),
    );
    const slow = world.clock.sleep(until - world.clock.monotonic(), over.signal).then(() => null);
    const answer = await Promise.race([sent, slow]);
    return answer === null ? { kind: "slow" } : { kind: "answer", answer };
  } finally {
    over.abort();
    if (!asked) entry.ticket.leave("unused");
  }
}

function resultOf(answer: TokenAnswer | "deadline"): TicketResult {
  if (answer === "deadline") return "silent";
  if (answer.kind === "tokens") return "answered";
  const { code, detail } = answer.failure;
  return ticketResult({ kind: "failed", code, detail });
}
