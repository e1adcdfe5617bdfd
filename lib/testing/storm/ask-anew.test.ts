import { expect, it } from "vitest";
import { useOAuthWorld } from "@/lib/testing/oauth-world";
import { Crew, FULL, tellFigures, until } from "./crew";

const world = useOAuthWorld({ LATCHKEY_DB_POOL: "6" });
const crew = new Crew(world);

it(
  "client credentials: two sweeping processes and a thousand readers in three more, one request for each token that is needed",
  async () => {
    const clientId = await world.addAskingClient({ token_endpoint_auth_method: "client_secret_post" });
    const readers = await Promise.all([crew.reader(), crew.reader(), crew.reader()]);
    const workers = await Promise.all([crew.worker(), crew.worker()]);
    const rounds = FULL ? 100 : 3;
    world.idp.always({ delayMs: 150, holdMs: 150 });
    const secretId = await world.addAsking(clientId, { scope: "read" });
    for (let n = 1; n <= rounds; n++) {
      const answers = await crew.burst(readers, { secretId, query: "?wait=25", count: 334 });
      expect(Object.keys(answers)).toEqual([`200 generation ${n}`]);
      expect(world.idp.callsOf("client_credentials")).toHaveLength(n);
      if (n < rounds) await world.expire(secretId);
    }

    // Nobody reads these: the two sweeps share them out.
    const many = await Promise.all(Array.from({ length: 40 }, (_, n) => world.addAsking(clientId, { scope: `s${n}` })));
    const fresh = async (generation: number) => {
      const [row] = await world.database.owner<{ n: number }[]>`
        select count(*)::int as n from token_state where secret_id = any(${many}) and generation = ${generation}`;
      return row?.n === many.length;
    };
    await until(() => fresh(1), "the first tokens");
    await world.database.owner`update token_state set refresh_due_at = now() where secret_id = any(${many})`;
    await until(() => fresh(2), "their renewal ahead of expiry");
    const scopes = world.idp.callsOf("client_credentials").map((call) => call.form.scope);
    for (let n = 0; n < many.length; n++) expect(scopes.filter((scope) => scope === `s${n}`)).toHaveLength(2);
    for (const process of [...workers, ...readers]) process.kill("SIGTERM");
    for (const worker of workers) expect(await worker.ended).toBe(0);
    tellFigures("ask anew", { rounds, "readers a round": 1_002, calls: scopes.length });
  },
  FULL ? 1_800_000 : 240_000,
);
