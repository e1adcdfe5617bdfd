import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { keyring, open, seal } from "@/lib/crypto/envelope";
import { followMasterKeys, refreshKeks } from "@/lib/crypto/keep-keks";
import { parseKeks } from "@/lib/crypto/keks";
import { Keyring } from "@/lib/crypto/keyring";
import { replaceKeyFile } from "@/lib/crypto/master-key-file";
import { keyringOpens, openKeyring } from "@/lib/crypto/open-keyring";
import { tenantKeyStore } from "@/lib/crypto/tenant-key-store";
import { newId } from "@/lib/ids";
import { install } from "@/lib/process";
import { useDatabase } from "@/lib/testing/database";

/** A running process takes over what its key file says, and only what it can live with (CRY-6). */
const database = useDatabase({}, { keyring: false });
const [A, B] = [1, 2].map(() => randomBytes(32).toString("base64")) as [string, string];
const [a, b] = [A, B].map((key) => parseKeks(key)[0].idHex) as [string, string];
let path: string;
let adopted: string[][];

beforeEach(async () => {
  for (const table of ["tenant_keys", "instance_values", "key_holders"])
    await database.owner`delete from ${database.owner(table)}`;
  const folder = await mkdtemp(join(tmpdir(), "latchkey-keks-"));
  path = join(folder, "master.key");
  await writeFile(path, A, { mode: 0o600 });
  install("settings", { ...database.settings, masterKey: undefined, masterKeyFile: path });
  await openKeyring(() => {});
  adopted = [];
  const unfollow = followMasterKeys(async (ids) => void adopted.push(ids));
  return async () => {
    await unfollow();
    await rm(folder, { recursive: true });
  };
});

const told = async () => (await database.owner`select kek_ids from key_holders`).map((row) => row.kek_ids);

test("a changed file is taken over, told to the others and recorded", async () => {
  await writeFile(path, `${A},${B}`);
  await refreshKeks();
  expect([keyring().kekIds, await told(), adopted]).toEqual([[a, b], [[a, b]], [[a, b]]]);
  await writeFile(path, `${B},${A}`);
  await Promise.all([refreshKeks(), refreshKeks()]);
  expect([keyring().currentKekId, adopted.length]).toEqual([b, 2]);
  await refreshKeks();
  expect(adopted).toHaveLength(2);
});

test.each([
  ["lacks a key in use", () => B],
  ["is half written", () => `${A},${B.slice(0, 20)}`],
  ["is empty", () => ""],
])("a file that %s is not taken over", async (_what, text) => {
  await writeFile(path, text());
  await refreshKeks();
  expect([keyring().kekIds, await told(), adopted]).toEqual([[a], [[a]], []]);
  await rm(path);
  await refreshKeks();
  expect(keyring().kekIds).toEqual([a]);
});

test("a wrap by a key that is in the file already is opened at once, without waiting for the next look", async () => {
  const at = { tenantId: newId(), table: "t", rowId: "r", field: "f", generation: 1 };
  const mine = keyring();
  await writeFile(path, `${B},${A}`);
  // Another process, which had looked before, and whose entry is not there any more.
  install("keyring", new Keyring({ keks: parseKeks(`${B},${A}`), store: tenantKeyStore }));
  await database.owner`delete from key_holders`;
  const sealed = await seal(at, "x");
  expect(await database.owner`select kek_id from tenant_keys where tenant_id = ${at.tenantId}`).toEqual([
    { kek_id: b },
  ]);
  install("keyring", mine);
  expect(mine.kekIds).toEqual([a]);
  expect((await open(at, sealed)).reveal().toString()).toBe("x");
  expect(mine.kekIds).toEqual([b, a]);
});

test("who cannot open every tenant key is not ready", async () => {
  await database.owner`insert into tenant_keys (tenant_id, version, kek_id, wrapped) values ('t', 1, ${a}, '\\x00')`;
  await database.owner`delete from key_holders`;
  await database.owner`update tenant_keys set kek_id = ${b} where tenant_id = 't'`;
  await refreshKeks();
  expect(await keyringOpens()).toBe(false);
  await writeFile(path, `${A},${B}`);
  await refreshKeks();
  expect(await keyringOpens()).toBe(true);
});

test("the file is replaced whole, for its owner only; a link is left to whoever made it", async () => {
  await writeFile(path, A, { mode: 0o644 });
  await replaceKeyFile(path, `${A},${B}`);
  expect(await readFile(path, "utf8")).toBe(`${A},${B}\n`);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  const link = `${path}.link`;
  await symlink(path, link);
  await expect(replaceKeyFile(link, B)).rejects.toThrow(/is a link/);
  expect((await readdir(join(path, ".."))).sort()).toEqual(["master.key", "master.key.link"]);
});
