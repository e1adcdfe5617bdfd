import { randomBytes } from "node:crypto";
import { chmod, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { bundleProcesses, type Started, startProcess } from "@/lib/testing/spawn";
import { FULL, pause, tellFigures } from "./crew";

const left: (() => Promise<unknown>)[] = [];
afterAll(async () => {
  for (const end of left.reverse()) await end();
});

it(
  "embedded kill -9 of everything at any instant: what was acknowledged over HTTP is there after the next start",
  async () => {
    const kills = FULL ? 50 : 5;
    const paths = await bundleProcesses();
    left.push(() => rm(dirname(paths.idp), { recursive: true, force: true }));
    const folder = await mkdtemp(join(tmpdir(), "latchkey-embedded-"));
    await chmod(folder, 0o755);
    left.push(() => rm(folder, { recursive: true, force: true }));
    const env: Record<string, string> = {
      LATCHKEY_DATA_DIR: folder,
      LATCHKEY_MASTER_KEY: randomBytes(32).toString("base64"),
      LATCHKEY_LOG_LEVEL: "error",
    };
    let running: Started | null = null;
    left.push(async () => {
      if (running) await killAll(running, folder);
    });
    const start = async () => {
      running = startProcess(paths.embedded, env);
      const url = await running.line("http");
      env.LATCHKEY_TEST_SEED = (await running.line("seed ")).slice(5);
      return { child: running, url };
    };

    const acknowledged = new Set<string>();
    let [written, unanswered] = [0, 0];
    for (let n = 0; n <= kills; n++) {
      const { child, url } = await start();
      const answer = await fetch(url);
      expect(answer.status).toBe(200);
      const { data } = (await answer.json()) as {
        data: { attributes: { name: string; credentials: { password: string } } }[];
      };
      const found = new Map(data.map(({ attributes }) => [attributes.name, attributes.credentials.password]));
      expect([...acknowledged].filter((name) => found.get(name) !== `the value of ${name}`)).toEqual([]);
      if (n === kills) break;

      let over = false;
      const writers = Array.from({ length: 4 }, async () => {
        while (!over) {
          const name = `n${written++}`;
          const credentials = { username: "u", password: `the value of ${name}` };
          const body = JSON.stringify({
            data: { type: "auth-secret", attributes: { name, type: "basic", credentials } },
          });
          const made = await fetch(url, { method: "POST", body }).catch(() => null);
          if (made?.status === 201) acknowledged.add(name);
          else if (made) throw new Error(`${made.status} ${await made.text()}`);
          else unanswered += 1;
        }
      });
      await pause(100 + Math.random() * 1_000);
      over = n > 0 && n % 3 === 2;
      await killAll(child, folder);
      over = true;
      running = null;
      await Promise.all(writers);
    }
    tellFigures("embedded", {
      kills,
      acknowledged: acknowledged.size,
      "cut off without an answer": unanswered,
      lost: 0,
    });
    expect(acknowledged.size).toBeGreaterThan(0);
  },
  FULL ? 1_800_000 : 300_000,
);

/** The process, its database server with all of its own, and the watchdog between them, at once. */
async function killAll(child: Started, folder: string): Promise<void> {
  const { pid } = JSON.parse(await readFile(join(folder, "embedded.json"), "utf8")) as { pid: number | null };
  const family = new Set([child.pid, ...(pid ? [pid] : [])]);
  const parents = new Map<number, number>();
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const stat = await readFile(`/proc/${name}/stat`, "utf8").catch(() => "");
    const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
    if (parent > 1) parents.set(Number(name), parent);
  }
  for (let grown = true; grown; ) {
    grown = false;
    for (const [one, parent] of parents)
      if (family.has(parent) && !family.has(one)) {
        family.add(one);
        grown = true;
      }
  }
  for (const one of family)
    try {
      process.kill(one, "SIGKILL");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  await child.ended;
}
