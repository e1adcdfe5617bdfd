import { execFileSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { lockDataFolder } from "@/lib/db/data-folder-lock";
import { startEmbedded } from "@/lib/db/embedded";
import { LaunchError } from "@/lib/db/launch-error";

/**
 * Data folders that cannot be started on: each says why in words (server.ts prints a LaunchError without a stack and exits 1).
 * Two starts on one folder and a port in use are in scripts/launch.test.ts.
 */

const volumes: string[] = [];
afterAll(() => {
  for (const path of volumes) execFileSync("umount", ["--lazy", path]);
});

/** As a start does it: the lock of the folder, then its server. */
async function begin(folder: string): Promise<() => Promise<void>> {
  const lock = await lockDataFolder(folder, "http://here.test");
  try {
    const server = await startEmbedded(folder, () => {});
    return async () => {
      await server.stop();
      await lock.release();
    };
  } catch (error) {
    await lock.release().catch(() => {});
    throw error;
  }
}

async function refusal(folder: string): Promise<string> {
  const error = await begin(folder).then(
    () => new Error("it started"),
    (cause: unknown) => cause,
  );
  expect(error).toBeInstanceOf(LaunchError);
  return (error as LaunchError).message;
}

it("data of a newer PostgreSQL are refused, by the name of who made them, and left alone", async () => {
  const folder = await mkdtemp(join(tmpdir(), "latchkey-newer-"));
  const end = await begin(folder);
  const { pgdata } = JSON.parse(await readFile(join(folder, "embedded.json"), "utf8")) as { pgdata: string };
  await end();
  const version = await readFile(join(pgdata, "PG_VERSION"), "utf8");
  await writeFile(join(pgdata, "PG_VERSION"), "99\n");
  expect(await refusal(folder)).toMatch(/made by a newer Latchkey \(PostgreSQL 99; this one brings \d+\)/);
  await writeFile(join(pgdata, "PG_VERSION"), version);
  await (await begin(folder))();
  await rm(folder, { recursive: true, force: true });
  await rm(pgdata, { recursive: true, force: true });
}, 120_000);

function volume(sizeMb: number): string | null {
  const path = mkdtempSync(join(tmpdir(), "latchkey-volume-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${sizeMb}m,mode=755`, "tmpfs", path], { stdio: "pipe" });
    volumes.push(path);
    return path;
  } catch {
    return null;
  }
}

const [small, large] = [volume(8), volume(200)];
// Only root may mount; the reason is in the name of what is left out.
describe.skipIf(!small || !large)("a volume (needs the right to mount)", () => {
  it("too small for a first start is called full", async () => {
    expect(await refusal(small as string)).toMatch(/disk.* is full/i);
  }, 60_000);

  it("that is full, or read-only, is named as such, and works again when it is mended", async () => {
    const folder = large as string;
    await (await begin(folder))();
    const filler = await open(join(folder, "filler"), "w");
    const block = Buffer.alloc(65_536, 1);
    for (let full = false; !full; )
      await filler.write(block).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== "ENOSPC") throw error;
        full = true;
      });
    await filler.close();
    expect(await refusal(folder)).toContain("the disk is full");
    await rm(join(folder, "filler"));
    execFileSync("mount", ["-o", "remount,ro", folder]);
    expect(await refusal(folder)).toContain("read-only");
    execFileSync("mount", ["-o", "remount,rw", folder]);
    await (await begin(folder))();
  }, 120_000);
});
