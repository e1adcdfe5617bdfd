import { rm } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import postgres from "postgres";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type RemoteIdp, remoteIdp } from "@/lib/testing/remote-idp";
import { bundleProcesses, type Started, startProcess } from "@/lib/testing/spawn";
import { atProvider, type Ground, makeGround, redemptions, untilAtProvider, verdict } from "./ground";
import { type Readers, startReaders } from "./readers";
import { Topology } from "./topology";

/**
 * compose.yaml's topology under load with real server processes behind nginx (FAULTS C27): a provider that rotates and ends
 * a grant whose refresh token comes twice is the judge. One topology for all, because starting it is most of the time.
 */
const ROOT = fileURLToPath(new URL("../../..", import.meta.url)).replace(/\/$/, "");
const SECRETS = 40;
/** Long enough to last while a killed worker's leases lapse. */
const LIFE_S = 120;

let topology: Topology;
let idp: RemoteIdp;
let provider: Started;
let folder: string;
let ground: Ground;
let owner: postgres.Sql;
let readers: Readers | undefined;

beforeAll(async () => {
  const built = startProcess(`${ROOT}/scripts/build.mjs`);
  expect(await built.ended, built.lines.join("\n")).toBe(0);
  const paths = await bundleProcesses();
  folder = dirname(paths.idp);
  provider = startProcess(paths.idp);
  idp = remoteIdp(await provider.line("http"));
  topology = await Topology.start({
    root: ROOT,
    workers: 2,
    env: {
      LATCHKEY_EGRESS_ALLOW: "127.0.0.1",
      LATCHKEY_REFRESH_LEAD_S: "5",
      LATCHKEY_DB_POOL: "6",
      LATCHKEY_STOP_DELAY_S: "1",
    },
  });
  owner = postgres(topology.databaseUrl, { max: 2, onnotice: () => {} });
  ground = await makeGround(topology, idp, { count: SECRETS, lifeS: LIFE_S });
}, 400_000);

afterEach(async () => {
  await readers?.stop();
});

afterAll(async () => {
  await owner?.end({ timeout: 2 });
  await topology?.stop();
  provider?.kill("SIGKILL");
  await provider?.ended;
  if (folder) await rm(folder, { recursive: true, force: true });
}, 60_000);

const read = () => {
  readers = startReaders({
    url: topology.url,
    authorization: topology.authorization,
    workspaceId: ground.workspaceId,
    secretIds: ground.secrets.map(({ id }) => id),
    concurrency: 8,
  });
  return readers;
};

const makeDue = () => owner`update token_state set refresh_due_at = now() - interval '1 s' where status = 'active'`;

test("every process is replaced under load: no 5xx, no grant lost, no refresh token redeemed twice", async () => {
  await idp.always({ delayMs: 40, holdMs: 500 });
  const load = read();
  const onDemand: Promise<Response>[] = [];
  const ends = await topology.rollingRestart(async (role, place) => {
    // Each is told to end while answers are on their way to it.
    if (role === "worker") await makeDue();
    else {
      // A refresh that landed within two seconds would be the answer, without a call.
      while ((await owner`select 1 from token_state where received_at > now() - interval '2 s'`).length > 0)
        await new Promise((resolve) => setTimeout(resolve, 100));
      for (const { id } of ground.secrets.slice(place * 10, place * 10 + 10))
        onDemand.push(
          fetch(`http://localhost:${topology.port(place)}/v2/workspaces/${ground.workspaceId}/secrets/${id}/refresh`, {
            method: "POST",
            headers: { authorization: topology.authorization },
          }),
        );
    }
    await untilAtProvider(idp, 8);
  });
  await load.more(50);
  await load.stop();
  await idp.always(null);

  expect(ends).toEqual([0, 0, 0, 0]);
  expect(load.failures).toEqual([]);
  expect(load.reads).toBeGreaterThan(500);
  expect((await Promise.all(onDemand)).map(({ status }) => status)).toEqual(Array(20).fill(200));
  expect(await redemptions(idp)).toBeGreaterThan(SECRETS);
  expect(await verdict(topology, idp, ground)).toEqual([]);
}, 90_000);

test("a killed app costs no read, and a killed worker's leases are taken over", async () => {
  const load = read();
  const [victim, heir] = topology.workers;
  // The victim alone leases everything; what it has asked for takes no effect once it is gone.
  heir?.kill("SIGSTOP");
  await idp.always({ delayMs: 40_000, onlyIfAwaited: true });
  await makeDue();
  await untilAtProvider(idp, 16);
  victim?.kill("SIGKILL");
  topology.web[0]?.kill("SIGKILL");
  await Promise.all([victim?.ended, topology.web[0]?.ended]);
  await idp.always(null);
  const leased = await owner<{ id: string; fence: number; generation: number }[]>`
    select secret_id as id, fence, generation from token_state where lease_holder is not null`;
  heir?.kill("SIGCONT");
  await load.more(200);
  await Promise.all([topology.startWeb(0), topology.startWorker(0)]);
  let takenOver = 0;
  for (const { id, fence, generation } of leased)
    for (;;) {
      const [now] = await owner<{ fence: number; generation: number }[]>`
        select fence, generation from token_state where secret_id = ${id}`;
      if (now && now.generation > generation) {
        if (now.fence > fence) takenOver += 1;
        break;
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  await load.stop();

  expect(load.failures).toEqual([]);
  expect(leased.length).toBeGreaterThanOrEqual(16);
  expect(takenOver).toBe(leased.length);
  expect(await verdict(topology, idp, ground)).toEqual([]);
}, 90_000);

test("the database is gone for a while: reads say so, received tokens are landed, all recovers alone", async () => {
  const pids = [...topology.web, ...topology.workers].map(({ pid }) => pid);
  await idp.always({ holdMs: 700 });
  await makeDue();
  const load = read();
  await untilAtProvider(idp, 8, true);
  await topology.killDatabase();
  // Every answer that the provider still owed arrives while there is nowhere to put it.
  while ((await atProvider(idp)) > 0) await new Promise((resolve) => setTimeout(resolve, 50));
  await load.more(50);
  await topology.startDatabase();
  while ((await topology.try(`/v2/workspaces/${ground.workspaceId}/secrets/${ground.secrets[0]?.id}/token`)) !== 200)
    await new Promise((resolve) => setTimeout(resolve, 50));
  await load.more(50);
  await load.stop();
  await idp.always(null);

  expect([...load.statuses.keys()].sort()).toEqual([200, 503]);
  for (const { text } of load.failures)
    expect(JSON.parse(text).errors[0].code, text).toMatch(/^(unavailable|audit_unavailable)$/);
  expect(await verdict(topology, idp, ground)).toEqual([]);
  for (const pid of pids) expect(() => process.kill(pid, 0)).not.toThrow();
}, 90_000);
