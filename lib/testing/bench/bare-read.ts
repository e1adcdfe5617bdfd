import { createDecipheriv } from "node:crypto";
import { createServer } from "node:http";
import postgres from "postgres";

/**
 * What a read is compared with: node:http, one prepared select by primary key, one AES-256-GCM decryption, one small JSON
 * answer. No authentication, no permission, no audit, no log.
 */
const sql = postgres(process.env.BENCH_DATABASE_URL as string, { max: 10, onnotice: () => {} });
const key = Buffer.from(process.env.BENCH_KEY as string, "hex");

const server = createServer((request, response) => {
  answer(request.url as string).then(
    (text) => {
      response.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(text) });
      response.end(text);
    },
    () => response.writeHead(500).end(),
  );
});

async function answer(url: string): Promise<string> {
  const id = url.slice(1);
  const [row] = await sql<{ sealed: Buffer }[]>`select sealed from bench_values where id = ${id}`;
  if (!row) throw new Error("no such row");
  const { sealed } = row;
  const decipher = createDecipheriv("aes-256-gcm", key, sealed.subarray(0, 12), { authTagLength: 16 });
  decipher.setAuthTag(sealed.subarray(-16));
  const clear = decipher.update(sealed.subarray(12, -16));
  decipher.final();
  return JSON.stringify({ id, value: clear.toString("utf8") });
}

server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  process.stdout.write(`port ${typeof address === "object" && address ? address.port : 0}\n`);
});
process.on("SIGTERM", () => process.exit(0));
