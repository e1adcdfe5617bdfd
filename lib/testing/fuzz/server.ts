import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type LimitedOptions, limitedServer } from "@/lib/http/limited-server";
import { answer, hotMatcher } from "@/lib/http/node-entry";
import { normalise } from "@/lib/http/normalise";
import type { Route } from "@/lib/testing/routes";

/** A listening server with every route of `app/`, by the way in that server.ts takes for its hot routes. */
export async function listenWith(
  routes: readonly Route[],
  options: LimitedOptions = {},
): Promise<{ server: Server; port: number; close(): Promise<void> }> {
  // A folder with a plain name wins over one in brackets, as in Next; what is unknown goes to the catch-all.
  const sorted = [...routes].sort((a, b) => a.parameters.length - b.parameters.length);
  const plain = sorted.filter((route) => !route.path.includes("[..."));
  const match = hotMatcher(plain.map(({ method, path, handler }) => ({ method, path, endpoint: handler })));
  const rest = (method: string, path: string) =>
    routes.find(
      (one) => one.method === method && one.path.includes("[...") && path.startsWith(`${one.path.split("[")[0]}`),
    );
  const server = limitedServer((request, response) => {
    const path = normalise(request, response);
    if (path === null) return;
    const method = request.method ?? "GET";
    const found = match(method, path);
    if (found) return void answer(request, response, path, found.endpoint, found.params);
    const other = rest(method, path);
    if (!other) return void response.writeHead(404, { "content-type": "application/json" }).end(NOWHERE);
    const [name = ""] = other.parameters;
    const parts = path.slice(other.path.indexOf("[")).split("/").map(decodeURIComponent);
    void answer(request, response, path, other.handler, { [name]: parts } as never);
  }, options);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    server,
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Stands for the page that Next answers where no route is. */
const NOWHERE = JSON.stringify({
  errors: [{ id: "-", status: "404", code: "not_found", title: "NotFound", detail: "No route of ours." }],
});
