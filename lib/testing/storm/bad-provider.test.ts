import { afterAll, expect, it } from "vitest";
import { FakeIdp } from "@/lib/testing/fake-idp";
import type { Behaviour } from "@/lib/testing/idp-behaviour";
import { useOAuthWorld } from "@/lib/testing/oauth-world";
import { Crew, FULL, type StormSecret, tellFigures, until } from "./crew";

const world = useOAuthWorld({ LATCHKEY_DB_POOL: "6" });
const crew = new Crew(world);
const others: FakeIdp[] = [];
afterAll(() => Promise.all(others.map((idp) => idp.stop())));

const TROUBLES: Record<string, Behaviour> = {
  hangs: { consume: false, instead: { kind: "silence" } },
  "one byte a second": { consume: false, instead: { kind: "drip", everyMs: 1_000 } },
  "503": { error: { status: 503 } },
  resets: { consume: false, instead: { kind: "drop" } },
};
/** Each trouble is tried with one share of the secrets; with --full with both. */
const CI_SHARES: Record<string, number> = { hangs: 0.9, "one byte a second": 0.1, resets: 0.9 };
/** The worst of them ends nothing by itself: requests under way are waited for until the hard deadline. */
const ENDS_AT_ONCE = new Set(["503", "resets"]);
const WORKERS = 3;
const ROOM = 32;

it(
  "C3 one provider of many is in trouble: it gets no more than its room, and the others' tokens are fresh as ever",
  async () => {
    const count = FULL ? 20 : 6;
    while (others.length < count - 1) others.push(await new FakeIdp().start());
    const healthy = [...others];
    const clients: string[] = [];
    for (const idp of healthy)
      clients.push(await world.addClient({ token_uri: `${idp.url}/token`, refresh_token_uri: `${idp.url}/refresh` }));
    const workers = await Promise.all(Array.from({ length: WORKERS }, () => crew.worker()));
    const { owner } = world.database;

    for (const [name, trouble] of Object.entries(TROUBLES))
      for (const share of [0.1, 0.9]) {
        if (!FULL && !(CI_SHARES[name] === share)) continue;
        const total = FULL ? 2_000 : 150;
        // Of its own each time: the last one's circuit is open.
        const idp = await new FakeIdp().start();
        others.push(idp);
        const badClient = await world.addClient({
          token_uri: `${idp.url}/token`,
          refresh_token_uri: `${idp.url}/refresh`,
        });
        const bad = await secretsAt(idp, badClient, Math.round(total * share));
        const good: StormSecret[] = [];
        for (const [n, fine] of healthy.entries())
          good.push(...(await secretsAt(fine, clients[n] as string, Math.ceil((total - bad.length) / healthy.length))));
        const fresh = async (secrets: StormSecret[]) => {
          const [row] = await owner<{ n: number }[]>`select count(*)::int as n from token_state
          where secret_id = any(${secrets.map((secret) => secret.id)}) and generation > 1`;
          return row?.n === secrets.length;
        };
        idp.always(trouble);
        let most = 0;
        const watching = setInterval(() => {
          most = Math.max(most, idp.open);
        }, 10);
        await owner`update token_state set refresh_due_at = now() - interval '2 s' where secret_id = any(${bad.map((one) => one.id)})`;
        await until(() => idp.calls.length >= Math.min(bad.length, ROOM), "the bad provider to be asked");
        await owner`update token_state set refresh_due_at = now() - interval '1 s' where secret_id = any(${good.map((one) => one.id)})`;
        const began = performance.now();
        await until(() => fresh(good), "the others' tokens to be fresh");
        const othersMs = Math.round(performance.now() - began);
        // While the bad one is as bad as before: nothing of its own went through.
        const [row] = await owner<{ n: number }[]>`select count(*)::int as n from token_state
        where secret_id = any(${bad.map((one) => one.id)}) and generation > 1`;
        expect(row?.n).toBe(0);
        expect(most).toBeLessThanOrEqual(WORKERS * ROOM);
        clearInterval(watching);
        idp.always(null);
        const healed = performance.now();
        if (ENDS_AT_ONCE.has(name)) await until(() => fresh(bad), "the healed provider's tokens to be fresh");
        const recoveredMs = Math.round(performance.now() - healed);
        tellFigures("C3", {
          trouble: name,
          "bad share": share,
          "others fresh after ms": othersMs,
          "most calls at the bad one": most,
          "its calls": idp.calls.length,
          "recovered after ms": ENDS_AT_ONCE.has(name) ? recoveredMs : "not waited for",
        });
        await owner`update token_state set refresh_due_at = null`;
      }
    for (const worker of workers) worker.kill("SIGKILL");
  },
  FULL ? 3_600_000 : 300_000,
);

async function secretsAt(idp: FakeIdp, clientId: string, count: number): Promise<StormSecret[]> {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const made = idp.create({ kind: "strict", expiresIn: 3_600 });
      const secret = await world.addSecret({}, { clientId, credentials: { ...made.tokens } });
      return { id: secret.id, grantId: made.id };
    }),
  );
}
