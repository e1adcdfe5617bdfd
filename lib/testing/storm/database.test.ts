import { expect, it } from "vitest";
import { useOAuthWorld } from "@/lib/testing/oauth-world";
import { Crew, FULL, pause, tellFigures, until } from "./crew";
import { useOwnServer } from "./own-server";

const server = useOwnServer();
const world = useOAuthWorld({ LATCHKEY_DB_POOL: "6" }, server.start);
const crew = new Crew(world);

it(
  "C2 PostgreSQL falls again and again under load: every answer received is landed, and nobody asks twice",
  async () => {
    const falls = FULL ? 20 : 2;
    const secrets = await crew.secrets(FULL ? 400 : 80, ["strict"], { expiresIn: 3_600 });
    world.idp.always({ delayMs: 100, holdMs: 300 });
    const workers = await Promise.all([crew.worker(), crew.worker(), crew.worker()]);
    let open = 0;
    const landedMs: number[] = [];
    for (let n = 1; n <= falls; n++) {
      await world.database.owner`update token_state set refresh_due_at = now() - interval '1 s'`;
      await until(() => world.idp.open >= 3, "requests at the provider");
      open += world.idp.open;
      // In immediate mode: no connection is told, no transaction is ended, the log is replayed at the next start.
      await server.fall();
      await pause(500 + Math.random() * 1_500);
      await server.rise();
      landedMs.push(await crew.landedPast(n));
    }
    for (const worker of workers) worker.kill("SIGTERM");
    for (const worker of workers) expect(await worker.ended).toBe(0);
    const verdict = await crew.judge(secrets);
    tellFigures("C2", {
      falls,
      "requests under way at a fall": open,
      presentations: verdict.presentations,
      repeated: verdict.repeated,
      violations: verdict.violations.length,
      "landed after ms": Math.max(...landedMs),
    });
    expect(verdict).toMatchObject({ violations: [], repeated: 0, lost: [] });
    if (FULL) expect(Math.max(...landedMs)).toBeLessThanOrEqual(30_000);
    // Each secret once a fall, whatever the database did meanwhile.
    expect(verdict.presentations).toBe(secrets.length * falls);
  },
  FULL ? 1_800_000 : 240_000,
);
