import { createPublicKey } from "node:crypto";
import { createServer } from "node:http";
import { jwtVerify } from "jose";
import "./end-with-parent";

/** What the guard is compared with: node:http and jose's verification of an RS256 token, its claims told in headers. No log, no limits. */
const key = createPublicKey(process.env.BENCH_PUBLIC_KEY as string);
const OPTIONS = { algorithms: ["RS256"], audience: "bench", requiredClaims: ["exp"] };

const server = createServer((request, response) => {
  const token = request.headers.authorization?.slice("Bearer ".length) ?? "";
  jwtVerify(token, key, OPTIONS).then(
    ({ payload }) =>
      response.writeHead(204, { "X-Subject": payload.sub ?? "", "X-Scopes": String(payload.scope ?? "") }).end(),
    () => response.writeHead(401).end(),
  );
});

server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  process.stdout.write(`port ${typeof address === "object" && address ? address.port : 0}\n`);
});
process.on("SIGTERM", () => process.exit(0));
