import { once } from "node:events";
import { createServer } from "node:http";
import "./end-with-parent";

/** Somebody's API, as fast as node:http is: takes any body, answers 1 KB, or as many megabytes as the path says (`/mb/100`). */
const KB = Buffer.alloc(1024, "x");
const MB = Buffer.alloc(1024 * 1024, "x");

const server = createServer(async (request, response) => {
  request.resume();
  const megabytes = Number(/^\/mb\/(\d+)$/.exec(request.url ?? "")?.[1] ?? 0);
  if (megabytes === 0) {
    response.writeHead(200, { "content-type": "text/plain", "content-length": KB.length }).end(KB);
    return;
  }
  response.writeHead(200, { "content-type": "application/octet-stream", "content-length": megabytes * MB.length });
  for (let i = 0; i < megabytes; i++) if (!response.write(MB)) await once(response, "drain");
  response.end();
});

server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  process.stdout.write(`port ${typeof address === "object" && address ? address.port : 0}\n`);
});
process.on("SIGTERM", () => process.exit(0));
