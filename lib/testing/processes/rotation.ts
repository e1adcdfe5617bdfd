import { readFile } from "node:fs/promises";
import { GET as SECRET } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/route";
import { keyring } from "@/lib/crypto/envelope";
import { followMasterKeys, refreshKeks } from "@/lib/crypto/keep-keks";
import { closeKeyring, openKeyring } from "@/lib/crypto/open-keyring";
import { closeDatabase } from "@/lib/db/client";
import { rewrapKeys } from "@/lib/jobs/rewrap-keys";

/**
 * A process of a Latchkey whose master key is being changed: reads secrets all the time, or rewraps tenant keys. `LATCHKEY_TEST_READER`
 * names the file with what to read. It looks at the key file more often than a real one, so that a test need not wait.
 */
export interface ReadTask {
  tenantId: string;
  workspaceId: string;
  authorization: string;
  /** Their password must be `p-` and the id. */
  secretIds: string[];
}

export interface ReadReport {
  reads: number;
  seconds: number;
  failures: string[];
}

const LANES = 6;
const LOOK_MS = 200;
/** So often a tenant's keys are forgotten, so that they are loaded again and again while they are being rewrapped. */
const FORGET_EVERY = 10;

await openKeyring(() => {});
const unfollow = followMasterKeys(async () => {});
const path = process.env.LATCHKEY_TEST_READER;
const stop = path ? read(JSON.parse(await readFile(path, "utf8")) as ReadTask[]) : rewrap();
const looking = setInterval(() => void refreshKeks(), LOOK_MS);
process.on("SIGTERM", async () => {
  clearInterval(looking);
  await stop();
  await unfollow();
  await closeKeyring();
  await closeDatabase();
  process.exit(0);
});
process.stdout.write("ready\n");

function rewrap(): () => Promise<void> {
  const stopping = new AbortController();
  const working = (async () => {
    while (!stopping.signal.aborted) {
      await rewrapKeys(stopping.signal);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })();
  return async () => {
    stopping.abort();
    await working;
  };
}

function read(tasks: ReadTask[]): () => Promise<void> {
  const report: ReadReport = { reads: 0, seconds: 0, failures: [] };
  const began = performance.now();
  let over = false;
  const pick = <T>(list: readonly T[]) => list[Math.floor(Math.random() * list.length)] as T;
  const lanes = Array.from({ length: LANES }, async () => {
    while (!over) {
      const task = pick(tasks);
      const secretId = pick(task.secretIds);
      if (report.reads % FORGET_EVERY === 0) keyring().forgetTenant(task.tenantId);
      const response = await SECRET(
        new Request("http://reader.test/v2/secret", { headers: { authorization: task.authorization } }),
        { params: { workspaceId: task.workspaceId, secretId } },
      );
      const text = await response.text();
      report.reads += 1;
      const right =
        response.status === 200 && JSON.parse(text).data.attributes.credentials?.password === `p-${secretId}`;
      if (!right) report.failures.push(`${secretId}: ${response.status} ${text.slice(0, 300)}`);
    }
  });
  return async () => {
    over = true;
    await Promise.all(lanes);
    report.seconds = (performance.now() - began) / 1000;
    process.stdout.write(`report ${JSON.stringify(report)}\n`);
  };
}
