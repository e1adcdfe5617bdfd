import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, expect } from "vitest";
import { POST as CREATE } from "@/app/v2/workspaces/[workspaceId]/secrets/route";
import { HOT_ROUTES } from "@/lib/http/hot-routes";
import { limitedServer } from "@/lib/http/limited-server";
import { answer, hotMatcher } from "@/lib/http/node-entry";
import { normalise } from "@/lib/http/normalise";
import { call } from "./http";
import type { MadeSecret, OAuthWorld } from "./oauth-world";

/** The scheme is said because the API of these tests has no TLS. */
export const PLAIN = { "x-latchkey-scheme": "http" };

interface Passed {
  method: string;
  url: string;
  headers: IncomingMessage["headers"];
}

/** Hot routes on a socket, an API behind them, and secrets that are allowed there. */
export interface OutboundWorld {
  /** Of the API: `127.0.0.1:PORT`. */
  host: string;
  /** Of the hot routes. */
  origin: string;
  /** What came to the API since the test began. */
  seen: Passed[];
  /** What the API does; it answers "hello" unless a test says otherwise. */
  respond(request: IncomingMessage, response: ServerResponse): void;
  apiKey(headerValue?: string, allowedHosts?: string[]): Promise<string>;
  oauth2(grant?: { offline?: boolean }): Promise<MadeSecret>;
  /** Entries of what was requested and reflected with a secret. */
  audit(secretId: string): Promise<Record<string, unknown>[]>;
  /** A request that passes through to a path of the API. */
  ask(id: string, path?: string, init?: RequestInit, as?: Record<string, string>): Promise<Response>;
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Call it at the top of a test file, after `useOAuthWorld`. */
export function useOutboundWorld(world: OAuthWorld): OutboundWorld {
  const hot = hotMatcher(HOT_ROUTES);
  const passing = { host: "", origin: "", seen: [] as Passed[] } as OutboundWorld;
  const api = createServer((request, response) => {
    const { method = "", url = "", headers } = request;
    passing.seen.push({ method, url, headers });
    passing.respond(request, response);
  });
  const latchkey = limitedServer((request, response) => {
    const path = normalise(request, response);
    if (path === null) return;
    const match = hot(request.method ?? "GET", path);
    if (match) void answer(request, response, path, match.endpoint, match.params);
    else response.writeHead(599).end();
  });
  beforeAll(async () => {
    passing.host = await listen(api);
    passing.origin = `http://${await listen(latchkey)}`;
  });
  afterAll(() => {
    for (const server of [api, latchkey]) {
      server.closeAllConnections();
      server.close();
    }
  });
  beforeEach(() => {
    passing.seen = [];
    passing.respond = (request, response) => {
      request.resume();
      response.end("hello");
    };
  });

  let count = 0;
  passing.apiKey = async (headerValue = "k-0123456789abcdef", allowed_hosts = [passing.host]) => {
    const attributes = {
      name: `Outbound ${++count}`,
      type: "api_key",
      credentials: { headerName: "X-Api-Key", headerValue },
      allowed_hosts,
    };
    const made = await call(CREATE, {
      method: "POST",
      params: { workspaceId: world.place.workspaceId },
      as: world.owner.basic,
      json: { data: { type: "auth-secret", attributes } },
    });
    expect(made.status).toBe(201);
    return made.body.data.id;
  };
  passing.oauth2 = async (grant = {}) => {
    const secret = await world.addSecret(grant);
    await world.database.owner`update secrets set allowed_hosts = ${[passing.host]} where id = ${secret.id}`;
    return secret;
  };
  passing.audit = async (secretId) => world.database.owner<Record<string, unknown>[]>`
    select action, outcome, host, detail from audit_entries where target_id = ${secretId}
      and action in ('secret.requested', 'secret.reflected') order by id`;
  passing.ask = (id, path = "/", init = {}, as = world.task.basic) =>
    fetch(`${passing.origin}/outbound/${id}/${passing.host}${path}`, {
      redirect: "manual",
      ...init,
      headers: { ...as, ...PLAIN, ...(init.headers as Record<string, string>) },
    });
  return passing;
}
