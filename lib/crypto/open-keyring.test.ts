import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { INSTANCE_TENANT } from "@/lib/access/scope";
import type { Settings } from "@/lib/config";
import { mac } from "@/lib/crypto/mac";
import { keyringOpens, openKeyring } from "@/lib/crypto/open-keyring";
import { install } from "@/lib/process";
import { useDatabase } from "@/lib/testing/database";

const database = useDatabase({}, { keyring: false });
const KEY = Buffer.from("7f3c9d10ab42e65518c07be92f64d3a1905e8cb7261dfa4833e96b0c5d71a8f2", "hex").toString("base64");
const OTHER = Buffer.from("1a7c9d10ab42e65518c07be92f64d3a1905e8cb7261dfa4833e96b0c5d71a8f2", "hex").toString("base64");
let dataDir: string;

beforeEach(async () => {
  for (const table of ["tenant_keys", "instance_values", "users", "tenants"])
    await database.owner`delete from ${database.owner(table)}`;
  dataDir = await mkdtemp(join(tmpdir(), "latchkey-key-"));
  return () => rm(dataDir, { recursive: true });
});

const given = (some: Partial<Settings>) =>
  install("settings", { ...database.settings, masterKey: undefined, masterKeyFile: undefined, dataDir, ...some });
const embedded = (some: Partial<Settings> = {}) => given({ databaseUrl: undefined, ...some });
const refusal = async () => {
  const error = await openKeyring(() => {}).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ name: "LaunchError" });
  return (error as Error).message;
};

describe("a first start with the embedded database", () => {
  test("makes a key file for us alone, once, and the second start opens with it", async () => {
    embedded();
    const lines: string[] = [];
    await openKeyring((line) => lines.push(line));
    expect(lines).toHaveLength(1);
    expect((await stat(join(dataDir, "master.key"))).mode & 0o777).toBe(0o600);
    expect(await readdir(dataDir)).toEqual(["master.key"]);
    expect(await keyringOpens()).toBe(true);
    const before = mac("api-key", "x");
    await openKeyring((line) => lines.push(line));
    expect(mac("api-key", "x")).toBe(before);
    expect(lines).toHaveLength(1);
    for (const { sealed } of await database.owner`select sealed from instance_values`)
      expect(sealed.includes(Buffer.from("master key check"))).toBe(false);
  });

  test("several at once end with the same keys", async () => {
    embedded();
    await Promise.all([1, 2, 3, 4].map(() => openKeyring(() => {})));
    expect(await keyringOpens()).toBe(true);
    const [keys] = await database.owner`select count(*)::int as n from tenant_keys`;
    const [values] = await database.owner`select count(*)::int as n from instance_values`;
    expect([keys?.n, values?.n]).toEqual([1, 2]);
  });

  test("a lost key file is never replaced by a new one", async () => {
    embedded();
    await openKeyring(() => {});
    await rm(join(dataDir, "master.key"));
    expect(await refusal()).toMatch(/master\.key is gone/);
    expect(await readdir(dataDir)).toEqual([]);
  });
});

describe("refuses, naming the setting and never the value", () => {
  test("no key with an external database", async () => {
    given({});
    expect(await refusal()).toContain("LATCHKEY_MASTER_KEY");
  });

  test.each([
    ["wrong length", Buffer.from("short").toString("base64")],
    ["a documented example", Buffer.alloc(32, 7).toString("base64")],
    ["no base64", "%%%"],
  ])("%s", async (_what, masterKey) => {
    given({ masterKey });
    const message = await refusal();
    expect(message).toContain("LATCHKEY_MASTER_KEY");
    expect(message).not.toContain(masterKey);
  });

  test("another database's key", async () => {
    given({ masterKey: KEY });
    await openKeyring(() => {});
    given({ masterKey: OTHER });
    const message = await refusal();
    expect(message).toMatch(/LATCHKEY_MASTER_KEY is not the master key of this database/);
    expect(message).not.toContain(OTHER);
    given({ masterKey: `${OTHER},${KEY}` });
    await openKeyring(() => {});
  });

  test("a tampered check value", async () => {
    given({ masterKey: KEY });
    await openKeyring(() => {});
    await database.owner`update instance_values set sealed = overlay(sealed placing '\\x00'::bytea from 120) where name = 'master-key-check'`;
    expect(await refusal()).toContain("LATCHKEY_MASTER_KEY");
    expect(await keyringOpens()).toBe(false);
  });

  test("accounts without any key", async () => {
    given({ masterKey: KEY });
    await database.owner`insert into tenants (tenant_id, name, redirect_code) values (${INSTANCE_TENANT}, 'x', 'x')`;
    expect(await refusal()).toMatch(/no tenant keys/);
  });

  test("a key file that is not there", async () => {
    given({ masterKeyFile: join(dataDir, "none") });
    expect(await refusal()).toContain("LATCHKEY_MASTER_KEY_FILE");
  });
});

test("the key file's text is what the settings would take", async () => {
  embedded();
  await openKeyring(() => {});
  const masterKey = (await readFile(join(dataDir, "master.key"), "utf8")).trim();
  given({ masterKey });
  await openKeyring(() => {});
});
