import { randomBytes } from "node:crypto";
import postgres from "postgres";
import { afterAll, beforeAll, inject } from "vitest";
import { readSettings, type Settings } from "@/lib/config";
import { openKeyring } from "@/lib/crypto/open-keyring";
import { closeDatabase } from "@/lib/db/client";
import { forget, install } from "@/lib/process";
import { TEMPLATE } from "@/lib/testing/global-setup";

/** A test file's own database. The members exist once its tests run. */
export interface TestDatabase {
  url: string;
  /** A connection as the owner of the tables, past row-level security: to look and to tamper. */
  owner: postgres.Sql;
  settings: Settings;
}

/** The address the tests' Latchkey believes to have; send it as Origin with a session. */
export const TEST_URL = "http://latchkey.test";

/**
 * Gives this test file a database of its own, cloned from the migrated template, and installs settings, database and keys
 * in this process. Call it at the top of the file.
 *
 * @param env further settings by their environment names
 * @param options `keyring: false` leaves the keys to the test; `server` gives the URL of a migrated database elsewhere
 */
export function useDatabase(
  env: Record<string, string> = {},
  options: { keyring?: boolean; server?: () => Promise<string> } = {},
): TestDatabase {
  const made = {} as TestDatabase;
  const name = `latchkey_test_${process.pid}_${randomBytes(4).toString("hex")}`;

  beforeAll(
    async () => {
      made.url = options.server ? await options.server() : await cloned(name);
      made.owner = postgres(made.url, { max: 2, onnotice: () => {} });
      made.settings = readSettings({
        DATABASE_URL: made.url,
        LATCHKEY_MASTER_KEY: randomBytes(32).toString("base64"),
        LATCHKEY_URL: TEST_URL,
        LATCHKEY_LOG_LEVEL: "silent",
        ...env,
      });
      install("settings", made.settings);
      install("databaseUrl", made.url);
      if (options.keyring !== false) await openKeyring(() => {});
    },
    // A server of its own is made first, on a machine that may be busy.
    options.server ? 240_000 : undefined,
  );

  afterAll(async () => {
    await closeDatabase();
    await made.owner?.end({ timeout: 5 });
    if (!options.server) await administer(inject("testServerUrl"), `drop database if exists ${name} with (force)`);
    for (const what of ["databaseUrl", "settings", "keyring", "macKeys"]) forget(what);
  });

  return made;
}

async function cloned(name: string): Promise<string> {
  const serverUrl = inject("testServerUrl");
  await administer(serverUrl, `create database ${name} template ${TEMPLATE}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return url.href;
}

async function administer(url: string, statement: string): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    await sql.unsafe(statement);
  } finally {
    await sql.end({ timeout: 5 });
  }
}
