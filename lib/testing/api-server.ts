import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll } from "vitest";
import { answer, hotMatcher } from "@/lib/http/node-entry";
import { allRoutes } from "./routes";

/** The whole API on a real port, for tests of what speaks HTTP by itself. */
export interface ApiServer {
  /** `http://127.0.0.1:<port>`, once the tests run. */
  url: string;
}

/**
 * Serves every route file of `app/v2`, `app/outbound` and `app/inbound` over node:http, as server.ts does its hot routes (both ways in answer alike, see
 * lib/http/two-ways-in.test.ts). Call it at the top of a test file, after `useDatabase` or `useOAuthWorld`.
 */
export function useApiServer(): ApiServer {
  const made = {} as ApiServer;
  let server: Server;

  beforeAll(async () => {
    const routes = (await allRoutes()).filter((route) => /^\/(v2|outbound|inbound)\//.test(route.path));
    // A folder with a plain name wins over one in brackets, as in Next; what is unknown goes to the catch-all.
    routes.sort((a, b) => a.parameters.length - b.parameters.length);
    const named = routes.filter((route) => route.path !== "/v2/[...path]");
    const match = hotMatcher(named.map(({ method, path, handler }) => ({ method, path, endpoint: handler })));
    const unknown = (method: string) => routes.find((one) => one.path === "/v2/[...path]" && one.method === method);
    server = createServer((request, response) => {
      const method = request.method ?? "GET";
      const path = (request.url ?? "").split("?", 1)[0]?.replace(/\/+$/, "") ?? "";
      const found = match(method, path);
      const handler = found?.endpoint ?? unknown(method)?.handler;
      if (!handler) throw new Error(`No route answers ${method} ${path}`);
      void answer(request, response, path, handler, found?.params ?? {});
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    made.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));

  return made;
}
