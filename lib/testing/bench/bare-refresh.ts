import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import * as oauth from "oauth4webapi";
import postgres from "postgres";
import { Pool } from "undici";

/**
 * What the refresher is compared with: claim 200, refresh them 64 at once with oauth4webapi over an undici Pool, write them
 * back in one statement, again until nothing is due. One decryption and one encryption each; no guard, no ledger, no
 * timeline, no lease but a time in the row.
 */
const CLAIM = 200;
const AT_ONCE = 64;

const sql = postgres(process.env.BENCH_DATABASE_URL as string, { max: 10, onnotice: () => {} });
const key = Buffer.from(process.env.BENCH_KEY as string, "hex");
const origin = process.env.BENCH_PROVIDER as string;
const pool = new Pool(origin, { connections: AT_ONCE, pipelining: 1 });
const server: oauth.AuthorizationServer = { issuer: origin, token_endpoint: `${origin}/token` };
const client: oauth.Client = { client_id: "bench" };
const auth = oauth.ClientSecretPost("bench-secret");
const options = {
  [oauth.allowInsecureRequests]: true,
  [oauth.customFetch]: async (url: string, init: oauth.CustomFetchOptions<string, URLSearchParams>) => {
    const answer = await pool.request({
      path: new URL(url).pathname,
      method: init.method as "POST",
      headers: init.headers,
      body: init.body.toString(),
    });
    const text = await answer.body.text();
    return new Response(text, { status: answer.statusCode, headers: answer.headers as Record<string, string> });
  },
};

interface Row {
  id: string;
  sealed: Buffer;
}

process.on("message", (message) => {
  if (message === "run") run().then((refreshed) => process.send?.({ refreshed }));
});

async function run(): Promise<number> {
  let refreshed = 0;
  for (;;) {
    const rows = await sql<Row[]>`
      update bench_tokens set leased_until = now() + interval '15 s' where id in (
        select id from bench_tokens where due_at <= now() and (leased_until is null or leased_until < now())
         order by due_at limit ${CLAIM} for update skip locked)
      returning id, sealed`;
    if (rows.length === 0) return refreshed;
    const queue = [...rows];
    const done: Row[] = [];
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        for (let row = queue.pop(); row; row = queue.pop()) done.push(await refresh(row));
      }),
    );
    await sql`
      update bench_tokens t set sealed = r.sealed, due_at = now() + interval '1 h', leased_until = null, n = t.n + 1
        from unnest(${done.map((row) => row.id)}::text[], ${done.map((row) => `\\x${row.sealed.toString("hex")}`)}::text[]::bytea[])
          as r(id, sealed) where t.id = r.id`;
    refreshed += done.length;
  }
}

async function refresh({ id, sealed }: Row): Promise<Row> {
  const decipher = createDecipheriv("aes-256-gcm", key, sealed.subarray(0, 12), { authTagLength: 16 });
  decipher.setAuthTag(sealed.subarray(-16));
  const clear = decipher.update(sealed.subarray(12, -16));
  decipher.final();
  const stored = JSON.parse(clear.toString("utf8")) as { refresh_token: string };
  const response = await oauth.refreshTokenGrantRequest(server, client, auth, stored.refresh_token, options);
  const tokens = await oauth.processRefreshTokenResponse(server, client, response);
  return { id, sealed: sealPlainly(key, JSON.stringify(tokens)) };
}

/** Nonce, ciphertext, tag. */
function sealPlainly(under: Buffer, text: string): Buffer {
  const nonce = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", under, nonce, { authTagLength: 16 });
  return Buffer.concat([nonce, cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()]);
}
process.on("SIGTERM", () => process.exit(0));
// usage.ts lets go of the channel, and nothing else keeps this process alive before its first order.
process.channel?.ref();
process.stdout.write("ready\n");
