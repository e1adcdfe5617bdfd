import { expect, it } from "vitest";
import { useOAuthWorld } from "@/lib/testing/oauth-world";
import { postSecret } from "@/lib/testing/secrets-api";
import { Crew, FULL, pause, tellFigures, until } from "./crew";
import { useReplicatedServer } from "./replicated-server";

/** As DATABASE_URL of all: both hosts, `target_session_attrs=read-write`. */
const server = useReplicatedServer();
const world = useOAuthWorld({ LATCHKEY_DB_POOL: "6" }, server.start);
const crew = new Crew(world);

it(
  "C2 the primary dies under load and its synchronous standby takes over: nothing acknowledged is lost, nobody asks twice",
  async () => {
    const failovers = FULL ? 5 : 1;
    const secrets = await crew.secrets(FULL ? 400 : 80, ["strict"], { expiresIn: 3_600 });
    world.idp.always({ delayMs: 100, holdMs: 300 });
    const workers = await Promise.all([crew.worker(), crew.worker(), crew.worker()]);
    const acknowledged: string[] = [];
    let [open, unanswered] = [0, 0];
    const landedMs: number[] = [];
    for (let n = 1; n <= failovers; n++) {
      if (n > 1) await server.replace();
      expect(await server.syncState()).toBe("sync");
      // Programs add secrets meanwhile: what was answered 201 is there afterwards, whatever came in between.
      let over = false;
      const adding = Array.from({ length: 3 }, async (_, lane) => {
        for (let i = 0; !over; i++) {
          const attributes = { name: `Added ${n} ${lane} ${i}`, type: "password", credentials: { password: "p" } };
          const answer = await postSecret(world.place, world.owner.basic, attributes);
          if (answer.status === 201) acknowledged.push(answer.body.data.id);
          else {
            unanswered += 1;
            await pause(50);
          }
        }
      });
      try {
        await world.database.owner`update token_state set refresh_due_at = now() - interval '1 s'`;
        await until(() => world.idp.open >= 3, "requests at the provider");
        await until(() => acknowledged.length >= 10 * n, "secrets to be added");
        open += world.idp.open;
        await server.killPrimary();
        await server.promote();
        landedMs.push(await crew.landedPast(n));
      } finally {
        over = true;
        await Promise.all(adding);
      }
    }
    for (const worker of workers) worker.kill("SIGTERM");
    for (const worker of workers) expect(await worker.ended).toBe(0);
    const kept = await world.database.owner<{ id: string }[]>`
      select s.id from secrets s where s.id = any(${acknowledged}) and exists
        (select 1 from audit_entries e where e.target_id = s.id and e.action = 'secret.created')`;
    const verdict = await crew.judge(secrets);
    tellFigures("C2 failover", {
      failovers,
      "requests under way at a death": open,
      presentations: verdict.presentations,
      repeated: verdict.repeated,
      violations: verdict.violations.length,
      "secrets added": acknowledged.length,
      "not added": unanswered,
      "landed after ms": Math.max(...landedMs),
    });
    expect(verdict).toMatchObject({ violations: [], repeated: 0, lost: [] });
    expect(verdict.presentations).toBe(secrets.length * failovers);
    expect(kept.map(({ id }) => id).sort()).toEqual([...acknowledged].sort());
  },
  FULL ? 1_800_000 : 240_000,
);
