import { GET as TOKEN } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/token/route";
import { openKeyring } from "@/lib/crypto/open-keyring";
import { closeDatabase } from "@/lib/db/client";
import { startWorker } from "@/lib/jobs/worker";

/**
 * A Latchkey process without pages, for tests with several: a worker, or a reader that asks for tokens all the time. Settings
 * come from the environment as always; `LATCHKEY_TEST_READER` makes it a reader. SIGTERM ends it in order.
 */
interface ReaderTask {
  authorization: string;
  workspaceId: string;
  secretIds: string[];
  /** Asks the provider whether it takes the token just handed out. */
  api: string;
  concurrency: number;
}

export interface ReaderReport {
  reads: number;
  /** Reads that got no token, or one the provider does not take. */
  failures: { at: number; secretId: string; status: number; what: string }[];
}

await openKeyring(() => {});
const task = process.env.LATCHKEY_TEST_READER;
const stop = task ? read(JSON.parse(task) as ReaderTask) : work();
process.on("SIGTERM", async () => {
  await stop();
  await closeDatabase();
  process.exit(0);
});
process.stdout.write("ready\n");

function work(): () => Promise<void> {
  const worker = startWorker();
  return () => worker.stop(28_000);
}

function read(reader: ReaderTask): () => Promise<void> {
  const report: ReaderReport = { reads: 0, failures: [] };
  let over = false;
  const loops = Array.from({ length: reader.concurrency }, async () => {
    while (!over) {
      const secretId = reader.secretIds[Math.floor(Math.random() * reader.secretIds.length)] as string;
      const validity = Math.floor(Math.random() * 10);
      const response = await TOKEN(
        new Request(`http://reader.test/v2/token?minimum_validity=${validity}`, {
          headers: { authorization: reader.authorization },
        }),
        { params: { workspaceId: reader.workspaceId, secretId } },
      );
      const text = await response.text();
      report.reads += 1;
      if (response.status !== 200) {
        report.failures.push({ at: Date.now(), secretId, status: response.status, what: text });
      } else if (report.reads % 10 === 0) {
        const token = JSON.parse(text).data.attributes.access_token as string;
        const taken = await fetch(reader.api, { headers: { authorization: `Bearer ${token}` } });
        if (taken.status !== 200)
          report.failures.push({ at: Date.now(), secretId, status: taken.status, what: "the provider refuses it" });
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  });
  return async () => {
    over = true;
    await Promise.all(loops);
    process.stdout.write(`report ${JSON.stringify(report)}\n`);
  };
}
