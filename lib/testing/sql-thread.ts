import { rm } from "node:fs/promises";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { afterAll, beforeAll } from "vitest";
import { onSecretChange } from "@/lib/db/notifications";
import { egress } from "@/lib/egress/safe-fetch";
import { forget, install, installed } from "@/lib/process";
import { type SqlThreads, type StartThread, sqlThreads } from "@/lib/secret-use/sql/threads";
import { bundleAside } from "@/scripts/lib/build.mjs";

/** Gives this test file the program of SQL's threads, bundled from the sources as they are. Call it after `useDatabase`. */
export function useSqlThreads(): void {
  let folder = "";
  beforeAll(async () => {
    folder = await bundleAside(`sql-test-${process.pid}`, ["lib/secret-use/sql/thread.ts"]);
    const startThread: StartThread = (options) => new Worker(join(folder, "thread.mjs"), options);
    install("startSqlThread", startThread);
    // Every thread ends when the process begins to listen for changes. Let that be over before a test counts on one.
    if (installed("secret-notifications")) return;
    const listening = new Promise<void>((resolve) => onSecretChange(() => {}, resolve));
    sqlThreads();
    await listening;
  });
  afterAll(async () => {
    installed<SqlThreads>("sql-threads")?.close();
    await egress().close();
    for (const name of ["startSqlThread", "sql-threads", "egress"]) forget(name);
    await rm(folder, { recursive: true, force: true });
  });
}
