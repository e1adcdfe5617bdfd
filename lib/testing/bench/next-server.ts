import { createServer } from "node:http";
import { join } from "node:path";
import "./end-with-parent";

/** The empty Next app behind node:http, in the way server.ts puts Next there. */
const { default: next } = await import("next");
const app = next({
  dev: false,
  dir: process.env.BENCH_NEXT_DIR ?? join(process.cwd(), "dist/bench/next"),
  customServer: true,
});
await app.prepare();
const handle = app.getRequestHandler();
const server = createServer((request, response) => void handle(request, response));
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  process.stdout.write(`port ${typeof address === "object" && address ? address.port : 0}\n`);
});
process.on("SIGTERM", () => process.exit(0));
