import { createServer } from "node:http";
import "./end-with-parent";

/**
 * A fast token endpoint in a process of its own. It keeps the truth of every grant: a refresh token is `r.<grant>.<n>`, good
 * once; what is presented again is counted, not forgiven.
 */

export type ProviderOrder = { kind: "delay"; ms: number } | { kind: "report"; grants?: boolean } | { kind: "forget" };

export interface ProviderReport {
  calls: number;
  /** Refresh tokens presented a second time. */
  replays: number;
  firstCallAt: number;
  lastCallAt: number;
  /** The number of the only good refresh token, by grant; empty unless asked for, because it is long. */
  grants: Record<string, number>;
}

/** As long as a usual JWT. */
const PADDING = "x".repeat(800);
const grants = new Map<string, number>();
let delayMs = 0;
let calls = 0;
let replays = 0;
let firstCallAt = 0;
let lastCallAt = 0;

const server = createServer((request, response) => {
  let body = "";
  request.setEncoding("utf8");
  request.on("data", (chunk: string) => {
    body += chunk;
  });
  request.on("end", () => {
    lastCallAt = Date.now();
    if (calls++ === 0) firstCallAt = lastCallAt;
    const answer = redeem(new URLSearchParams(body).get("refresh_token") ?? "");
    const send = () => {
      response.writeHead(answer.status, { "content-type": "application/json", "cache-control": "no-store" });
      response.end(answer.text);
    };
    if (delayMs > 0) setTimeout(send, delayMs);
    else send();
  });
});
server.keepAliveTimeout = 60_000;

function redeem(token: string): { status: number; text: string } {
  const [, grant = "", n = ""] = token.split(".");
  const good = grants.get(grant) ?? 0;
  if (Number(n) !== good) {
    replays += 1;
    return { status: 400, text: '{"error":"invalid_grant"}' };
  }
  grants.set(grant, good + 1);
  const text = JSON.stringify({
    access_token: `a.${grant}.${good + 1}.${PADDING}`,
    refresh_token: `r.${grant}.${good + 1}`,
    token_type: "Bearer",
    expires_in: 3600,
  });
  return { status: 200, text };
}

process.on("message", (order: ProviderOrder) => {
  if (order.kind === "delay") delayMs = order.ms;
  if (order.kind === "forget") [calls, replays, firstCallAt, lastCallAt] = [0, 0, 0, 0];
  const all = order.kind === "report" && order.grants ? Object.fromEntries(grants) : {};
  const report: ProviderReport = { calls, replays, firstCallAt, lastCallAt, grants: all };
  process.send?.(report);
});

server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  process.stdout.write(`port ${typeof address === "object" && address ? address.port : 0}\n`);
});
