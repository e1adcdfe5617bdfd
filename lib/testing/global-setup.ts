import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import type { TestProject } from "vitest/node";
import { migrateDatabase } from "@/drizzle/migrate";
import { startEmbedded } from "@/lib/db/embedded";

declare module "vitest" {
  interface ProvidedContext {
    /** URL of the test server as its owner; the path is the database to connect to. */
    testServerUrl: string;
  }
}

/** Cloned by every test file that calls `useDatabase`. */
export const TEMPLATE = "latchkey_template";

/** One PostgreSQL for the whole run, with a migrated template database. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), "latchkey-test-"));
  await chmod(folder, 0o755);
  const lines: string[] = [];
  const server = await startEmbedded(folder, (line) => lines.push(line)).catch((error: unknown) => {
    throw new Error(`The test database did not start.\n${lines.join("\n")}`, { cause: error });
  });
  const end = async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await makeTemplate(server.url);
  } catch (error) {
    await end();
    throw error;
  }
  project.provide("testServerUrl", server.url);
  return end;
}

async function makeTemplate(serverUrl: string): Promise<void> {
  const sql = postgres(serverUrl, { max: 1, onnotice: () => {} });
  try {
    await sql.unsafe(`drop database if exists ${TEMPLATE} with (force)`);
    await sql.unsafe(`create database ${TEMPLATE}`);
  } finally {
    await sql.end();
  }
  const url = new URL(serverUrl);
  url.pathname = `/${TEMPLATE}`;
  await migrateDatabase(url.href, () => {});
}
