import { grantOf } from "@/lib/oauth/grants";
import type { Witness } from "@/lib/oauth/witness";
import { leaseForTest } from "./claim";
import { attemptOnce, type Target } from "./ensure-fresh";
import { type Freshened, type Refresher, refresher } from "./live-world";
import type { Lease } from "./world";

/**
 * Asks for a secret's token now, for a person who wants to see how that goes: the same path as every request, under the same lease, and what
 * comes is landed. At most one attempt; none beside one under way.
 *
 * @param dead also where a refusal was believed
 * @param witness told of each request as it is sent
 * @returns `busy` when another attempt is under way, or the row has to rest: then `look` tells which
 */
export async function testRequest(
  target: Target,
  options: { dead: boolean; actor: string; waitMs: number; witness: Witness },
  self: Refresher = refresher(),
): Promise<Freshened | { kind: "busy" }> {
  const { world } = self;
  if (self.running.has(target.secretId)) return { kind: "busy" };
  const watched: Refresher = {
    ...self,
    world: {
      ...world,
      provider: {
        ...world.provider,
        renew: (client, held, mayStillSend) => grantOf(client).renew(client, held, mayStillSend, options.witness),
      },
    },
  };
  const take = (): Promise<Lease | null> => leaseForTest(target, options.dead);
  const until = world.clock.monotonic() + options.waitMs;
  const attempt = attemptOnce(watched, target, until, options.actor, take);
  const over = new AbortController();
  const slow = world.clock.sleep(options.waitMs, over.signal).then(() => ({ kind: "slow" }) as const);
  try {
    return (await Promise.race([attempt, slow])) ?? { kind: "busy" };
  } finally {
    over.abort();
  }
}
