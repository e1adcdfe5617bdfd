import "./skewed-clock";
import { createInterface } from "node:readline";
import { POST as REFUSED } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/refused/route";
import { GET as TOKEN } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/token/route";
import { followMasterKeys } from "@/lib/crypto/keep-keks";
import { closeKeyring, openKeyring } from "@/lib/crypto/open-keyring";
import { closeDatabase } from "@/lib/db/client";
import { startWorker } from "@/lib/jobs/worker";

/**
 * A Latchkey process without pages, for tests with several: a worker, or a reader that asks for tokens. Settings come from the
 * environment as always; `LATCHKEY_TEST_READER` makes it a reader, which asks all the time (`secretIds`) and does what it is
 * told in lines of JSON on stdin (`Burst`). SIGTERM ends it in order.
 */
export interface ReaderTask {
  authorization: string;
  workspaceId: string;
  /** Read one after the other, at random, until it ends. */
  secretIds: string[];
  /** Asks the provider whether it takes the token just handed out. */
  api: string;
  concurrency: number;
}

/** So many requests at once for one token: reads, or reports that an API refused the token of this fingerprint. */
export interface Burst {
  secretId: string;
  count: number;
  query?: string;
  fingerprint?: string;
}

/** How often each answer came: `200 generation 3`, `424`. */
export type BurstReport = Record<string, number>;

export interface ReaderReport {
  reads: number;
  /** Answers by status. */
  statuses: Record<string, number>;
  /** What must never be: an answer 5xx, or a token that was at its end already when it was asked for or that is no token. */
  wrong: { at: number; secretId: string; what: string }[];
}

await openKeyring(() => {});
const unfollow = followMasterKeys(async () => {});
const given = process.env.LATCHKEY_TEST_READER;
const stop = given ? read(JSON.parse(given) as ReaderTask) : work();
process.on("SIGTERM", async () => {
  await stop();
  await unfollow();
  await closeKeyring();
  await closeDatabase();
  process.exit(0);
});
process.stdout.write("ready\n");

function work(): () => Promise<void> {
  const worker = startWorker();
  return () => worker.stop(10_000);
}

function read(task: ReaderTask): () => Promise<void> {
  const report: ReaderReport = { reads: 0, statuses: {}, wrong: [] };
  let over = false;
  const ask = (handler: typeof TOKEN, secretId: string, rest: string, init: RequestInit = {}) =>
    handler(
      new Request(`http://reader.test/v2/workspaces/${task.workspaceId}/secrets/${secretId}/${rest}`, {
        ...init,
        headers: { authorization: task.authorization, "content-type": "application/vnd.api+json" },
      }),
      { params: { workspaceId: task.workspaceId, secretId } },
    );
  const loops = Array.from({ length: task.secretIds.length > 0 ? task.concurrency : 0 }, async () => {
    while (!over) {
      const secretId = task.secretIds[Math.floor(Math.random() * task.secretIds.length)] as string;
      const validity = Math.floor(Math.random() * 10);
      const asked = performance.now();
      const response = await ask(TOKEN, secretId, `token?minimum_validity=${validity}`);
      const text = await response.text();
      report.reads += 1;
      report.statuses[response.status] = (report.statuses[response.status] ?? 0) + 1;
      const wrong = (what: string) => report.wrong.push({ at: Date.now(), secretId, what });
      if (response.status >= 500) wrong(`${response.status} ${text}`);
      else if (response.status === 200 && report.reads % 5 === 0) {
        const token = JSON.parse(text).data.attributes.access_token as string;
        const taken = await fetch(task.api, { headers: { authorization: `Bearer ${token}` } });
        const { expired_for_ms } = (await taken.json()) as { expired_for_ms: number | null };
        if (expired_for_ms === null) wrong("no token of this provider");
        // It may come to its end on the way; before it was asked for it must not have.
        else if (expired_for_ms > performance.now() - asked)
          wrong(`${token.split(".")[1]} expired for ${expired_for_ms} ms`);
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  });
  createInterface(process.stdin).on("line", async (line) => {
    const { secretId, count, query = "", fingerprint } = JSON.parse(line) as Burst;
    const seen: BurstReport = {};
    await Promise.all(
      Array.from({ length: count }, async () => {
        const response = fingerprint
          ? await ask(REFUSED, secretId, "refused", { method: "POST", body: JSON.stringify({ fingerprint }) })
          : await ask(TOKEN, secretId, `token${query}`);
        const text = await response.text();
        const generation = response.status === 200 ? ` generation ${JSON.parse(text).data.attributes.generation}` : "";
        const what = `${response.status}${generation}`;
        seen[what] = (seen[what] ?? 0) + 1;
      }),
    );
    process.stdout.write(`burst ${JSON.stringify(seen)}\n`);
  });
  return async () => {
    over = true;
    await Promise.all(loops);
    process.stdout.write(`report ${JSON.stringify(report)}\n`);
  };
}
