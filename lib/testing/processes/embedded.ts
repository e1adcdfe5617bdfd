import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { POST as CREATE, GET as LIST } from "@/app/v2/workspaces/[workspaceId]/secrets/route";
import { migrateDatabase } from "@/drizzle/migrate";
import { settings } from "@/lib/config";
import { openKeyring } from "@/lib/crypto/open-keyring";
import { lockDataFolder } from "@/lib/db/data-folder-lock";
import { startEmbedded } from "@/lib/db/embedded";
import { install } from "@/lib/process";
import { makePerson, makePlace, OWNER } from "../callers";

/**
 * A Latchkey process with the embedded database and without pages, for tests that kill it: makes and lists the secrets of one
 * workspace over HTTP. The first start prints whose they are (`seed`), later ones are told in `LATCHKEY_TEST_SEED`.
 */
export interface Seed {
  workspaceId: string;
  authorization: string;
}

const say = (line: string) => void process.stdout.write(`${line}\n`);
await lockDataFolder(settings().dataDir, "http://embedded.test");
const server = await startEmbedded(settings().dataDir, say);
install("databaseUrl", server.url);
await migrateDatabase(server.url, say);
await openKeyring(say);
const seed = process.env.LATCHKEY_TEST_SEED ? (JSON.parse(process.env.LATCHKEY_TEST_SEED) as Seed) : await makeSeed();

async function makeSeed(): Promise<Seed> {
  const place = await makePlace();
  const owner = await makePerson(place, OWNER);
  return { workspaceId: place.workspaceId, authorization: owner.basic.authorization as string };
}

const web = createServer(async (request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const url = `http://embedded.test/v2/workspaces/${seed.workspaceId}/secrets`;
  const headers = { authorization: seed.authorization, "content-type": "application/vnd.api+json" };
  const context = { params: { workspaceId: seed.workspaceId } };
  const answer =
    request.method === "POST"
      ? await CREATE(new Request(url, { method: "POST", headers, body: Buffer.concat(chunks) }), context)
      : await LIST(new Request(url, { headers }), context);
  response.writeHead(answer.status, { "content-type": "application/json" }).end(await answer.text());
});
await new Promise<void>((resolve) => web.listen(0, "127.0.0.1", resolve));
say(`seed ${JSON.stringify(seed)}`);
say(`http://127.0.0.1:${(web.address() as AddressInfo).port}`);
process.stdin.on("end", () => process.exit(0)).resume();
