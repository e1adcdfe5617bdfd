import { execFileSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { mkdir, open, rm, statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { useOAuthWorld } from "@/lib/testing/oauth-world";
import { Crew, pause, tellFigures, until } from "./crew";
import { useOwnServer } from "./own-server";

/** A small volume of its own; null where it cannot be mounted. */
function mounted(): { path: string } | { why: string } {
  const path = mkdtempSync(join(tmpdir(), "latchkey-volume-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=220m,mode=755", "tmpfs", path], { stdio: "pipe" });
    return { path };
  } catch (error) {
    return { why: String((error as { stderr?: Buffer }).stderr ?? error).trim() };
  }
}
const volume = mounted();
// Registered first, so that it comes last: the server has ended by then.
afterAll(() => {
  if ("path" in volume) execFileSync("umount", ["--lazy", volume.path]);
});

if ("why" in volume) {
  process.stdout.write(`storm C8: left out, a volume that can be full could not be mounted (${volume.why})\n`);
  it.skip("C8 the database's disk is full", () => {});
} else {
  const server = useOwnServer(async () => {
    const folder = join(volume.path, "data");
    await mkdir(folder);
    return folder;
  });
  const world = useOAuthWorld({ LATCHKEY_DB_POOL: "4" }, server.start);
  const crew = new Crew(world);

  it("C8 the database's disk is full: nothing is read unrecorded, nothing is lost, and it recovers without a restart of ours", async () => {
    const secrets = await crew.secrets(20, ["strict"], { expiresIn: 3_600 });
    const { owner } = world.database;
    const worker = await crew.worker();
    const [first] = secrets;
    if (!first) throw new Error("no secret");
    // Answers of the provider arrive when nothing can be written any more.
    world.idp.always({ holdMs: 4_000 });
    await owner`checkpoint`;
    await owner`update token_state set refresh_due_at = now()`;
    await until(() => world.idp.open === secrets.length, "all requests at the provider");
    await fill(volume.path);

    const statuses: Record<number, number> = {};
    let inARow = 0;
    for (let n = 0; n < 3_000 && inARow < 20; n++) {
      const { status } = await world.token(first.id);
      statuses[status] = (statuses[status] ?? 0) + 1;
      inARow = status === 503 ? inARow + 1 : 0;
    }
    expect(Object.keys(statuses).filter((status) => !["200", "503"].includes(status))).toEqual([]);
    expect(inARow).toBe(20);
    await until(() => world.idp.open === 0, "the provider's answers");
    await pause(500);

    await rm(join(volume.path, "filler"));
    const up = () =>
      owner`select 1`.then(
        () => true,
        () => false,
      );
    let fell = false;
    for (let n = 0; n < 40 && !(await up()); n++) await pause(250);
    if (!(await up())) {
      fell = true; // Without room for its log the server itself ends; who runs it starts it again.
      await server.rise();
    }
    const freed = performance.now();
    await until(async () => (await world.token(first.id)).status === 200, "a read");
    await until(async () => {
      const rows = await owner<{ n: number }[]>`select count(*)::int as n from token_state where generation = 1`.catch(
        () => null,
      );
      return rows?.[0]?.n === 0;
    }, "every answer to be landed");
    const recoveredMs = Math.round(performance.now() - freed);
    const [audit] = await owner<{ n: number }[]>`
      select count(*)::int as n from audit_entries where action = 'secret.token'`;
    worker.kill("SIGTERM");
    expect(await worker.ended).toBe(0);
    const verdict = await crew.judge(secrets);
    tellFigures("C8", {
      "reads by status": JSON.stringify(statuses),
      "server fell": fell,
      "recovered after ms": recoveredMs,
      presentations: verdict.presentations,
      violations: verdict.violations.length,
    });
    expect(verdict).toMatchObject({ violations: [], lost: [], repeated: 0, presentations: secrets.length });
    // Whatever was handed out is recorded.
    expect(audit?.n).toBeGreaterThanOrEqual(statuses[200] ?? 0);
  }, 300_000);
}

/** Leaves no byte. */
async function fill(path: string): Promise<void> {
  const file = await open(join(path, "filler"), "w");
  const block = Buffer.alloc(65_536, 1);
  try {
    for (;;) await file.write(block);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
  } finally {
    await file.close();
  }
  expect((await statfs(path)).bavail).toBeLessThan(20);
}
