import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { drainRefreshes } from "@/lib/refresher/ensure-fresh";
import { refresher } from "@/lib/refresher/live-world";
import { HandClock } from "@/lib/testing/hand-clock";
import type { Answer } from "@/lib/testing/http";
import { useOAuthWorld } from "@/lib/testing/oauth-world";

/**
 * How long a caller waits for a provider that does not answer (API.md: `wait`, "`POST refresh` answers within 8 s"). The
 * clock is moved by hand, so it is the limits that end the waiting and nothing else: without one the answer never comes.
 */
const world = useOAuthWorld();
let clock: HandClock;
let asked: Promise<void>;
let release: () => void;
let restore: () => void;

beforeEach(() => {
  const { world: live } = refresher();
  const { clock: before, provider } = live;
  clock = new HandClock();
  let reached: () => void;
  asked = new Promise((resolve) => {
    reached = resolve;
  });
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  live.clock = clock;
  live.provider = {
    ...provider,
    renew: async (client, tokens) => {
      reached();
      await released;
      // What it was asked with may be too old by the hand's clock; the provider answers all the same.
      return provider.renew(client, tokens, () => true);
    },
  };
  restore = () => Object.assign(live, { clock: before, provider });
});

afterEach(async () => {
  release();
  const drained = drainRefreshes(60_000);
  await drained;
  restore();
});

/** Whether a call has been answered once what can happen without more time has had many turns to happen. */
async function answered(call: Promise<Answer>): Promise<boolean> {
  let done = false;
  void call.then(() => {
    done = true;
  });
  for (let turn = 0; turn < 50 && !done; turn++) {
    await world.database.owner`select 1`;
    await new Promise((resolve) => setImmediate(resolve));
  }
  return done;
}

const LIMITS: [string, (id: string) => Promise<Answer>, number, number][] = [
  ["wait=3", (id) => world.token(id, "?wait=3"), 3_000, 3_000],
  ["wait is 8 s unless it is said", (id) => world.token(id), 8_000, 8_000],
  ["wait=25", (id) => world.token(id, "?wait=25"), 25_000, 25_000],
  ["refresh", (id) => world.refresh(id), 7_000, 8_000],
];

describe("a provider that does not answer", () => {
  it.each(LIMITS)("%s: answered slow then, and not before", async (_what, ask, notBeforeMs, atMs) => {
    const secret = await world.addSecret();
    await world.expire(secret.id);
    const call = ask(secret.id);
    await asked;
    clock.leap(notBeforeMs - 1);
    expect(await answered(call)).toBe(false);
    clock.leap(atMs - notBeforeMs + 1);
    const answer = await call;
    expect(answer.status).toBe(424);
    expect(answer.headers.get("retry-after")).not.toBeNull();
    expect(answer.body.errors[0].meta.problem.code).toBe("provider_failing");
    // The refresh itself goes on, and its answer is kept.
    release();
    await drainRefreshes(60_000);
    expect(await world.state(secret.id)).toMatchObject({ generation: 2, status: "active" });
  });

  it("refused: 8 s", async () => {
    const secret = await world.addSecret();
    const call = world.refused(secret.id, (await world.state(secret.id)).fingerprint);
    await asked;
    clock.leap(7_000);
    expect(await answered(call)).toBe(false);
    clock.leap(1_000);
    expect((await call).status).toBe(424);
  });

  it("a token that still serves is answered without any waiting, a refresh with it in time", async () => {
    const secret = await world.addSecret();
    expect((await world.token(secret.id)).status).toBe(200);
    const call = world.refresh(secret.id);
    await asked;
    clock.leap(8_000);
    const answer = await call;
    expect(answer.status).toBe(200);
    expect(answer.body.data.attributes.credentials.access_token).toBe(secret.accessToken);
    expect(answer.body.meta.refresh).toMatchObject({ outcome: "slow" });
  });

  it("wait=0 waits for nothing, more than 25 is refused", async () => {
    const secret = await world.addSecret();
    await world.expire(secret.id);
    const call = world.token(secret.id, "?wait=0");
    await asked;
    clock.leap(0);
    expect((await call).status).toBe(424);
    expect((await world.token(secret.id, "?wait=26")).status).toBe(400);
  });
});
