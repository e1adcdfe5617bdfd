import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { POST as CREATE_SECRET } from "@/app/v2/workspaces/[workspaceId]/secrets/route";
import { useApiServer } from "@/lib/testing/api-server";
import { makeTask } from "@/lib/testing/callers";
import { call } from "@/lib/testing/http";
import { type OAuthWorld, useOAuthWorld } from "@/lib/testing/oauth-world";
import { createLatchkey, LatchkeyError, type LatchkeySteps } from "./index";

/** The SDK as a step uses it, over real sockets: our API, a provider, and an API that says what it was sent. */
const world: OAuthWorld = useOAuthWorld();
const server = useApiServer();

interface Seen {
  method: string;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}
let api: Server;
let apiUrl: string;
let seen: Seen[];
/** What the API answers, in turn; 200 when there is nothing here. */
let statuses: number[];
let sentToLatchkey: string[];
let steps: LatchkeySteps;

beforeAll(async () => {
  api = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => {
      body += chunk;
    });
    request.on("end", () => {
      seen.push({ method: request.method ?? "", headers: request.headers, body });
      const status = statuses.shift() ?? 200;
      response.writeHead(status, status === 302 ? { location: "/elsewhere" } : {}).end("answer");
    });
  });
  await new Promise<void>((resolve) => api.listen(0, "127.0.0.1", resolve));
  apiUrl = `http://127.0.0.1:${(api.address() as AddressInfo).port}/things`;
});
afterAll(() => new Promise((resolve) => api.close(resolve)));

const listening = (input: RequestInfo | URL, init?: RequestInit) => {
  const url = new URL(String(input));
  if (url.origin === server.url)
    sentToLatchkey.push(`${init?.method} ${url.pathname.split("/secrets")[1]}${url.search}`);
  return fetch(input, init);
};

beforeEach(() => {
  [seen, statuses, sentToLatchkey] = [[], [], []];
  steps = createLatchkey({
    url: server.url,
    apiKey: world.task.key,
    workspace: world.place.workspaceId,
    fetch: listening,
  });
});

let count = 0;
async function keep(
  type: string,
  credentials: Record<string, unknown>,
  more: Record<string, unknown> = {},
): Promise<{ id: string; name: string }> {
  const name = `Kept ${++count}`;
  const { workspaceId } = world.place;
  const { status, body } = await call(CREATE_SECRET, {
    method: "POST",
    url: `/v2/workspaces/${workspaceId}/secrets`,
    params: { workspaceId },
    as: world.owner.basic,
    json: { data: { type: "auth-secret", attributes: { name, type, credentials, ...more } } },
  });
  expect(status).toBe(201);
  return { id: body.data.id, name };
}

const failure = async (promise: Promise<unknown>) => {
  const error = await promise.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(LatchkeyError);
  return error as LatchkeyError;
};

describe("values", () => {
  test("basic auth, by name in any case and by id", async () => {
    const { id, name } = await keep("basic", { username: "ada", password: "pass:wörd" });
    for (const one of [name, name.toUpperCase(), id])
      expect(await steps.secrets.getBasicAuth(one)).toEqual({ username: "ada", password: "pass:wörd" });
    const header = `Basic ${Buffer.from("ada:pass:wörd").toString("base64")}`;
    expect(await steps.secrets.getHeaders(name)).toEqual({ authorization: header });
  });

  test("a password, and a list of headers", async () => {
    const password = await keep("password", { password: "p w" });
    expect(await steps.secrets.getPassword(password.name)).toBe("p w");
    expect(await steps.secrets.getHeaders(password.id)).toEqual({ authorization: "Bearer p w" });
    const headers = await keep("http_headers", { headers: { "X-A": "1", "X-B": "2" } });
    expect(await steps.secrets.getHeaders(headers.name)).toEqual({ "X-A": "1", "X-B": "2" });
    await steps.fetch(headers.name, apiUrl);
    expect(seen[0]?.headers).toMatchObject({ "x-a": "1", "x-b": "2" });
  });

  test("a name is looked up once, a value is asked for each time", async () => {
    const { id, name } = await keep("api_key", { headerName: "X-Key", headerValue: "v1" });
    expect(await steps.secrets.getHeaders(name)).toEqual({ "X-Key": "v1" });
    await steps.secrets.getHeaders(name);
    const asked = sentToLatchkey.filter((one) => one.includes("filter"));
    expect(asked).toHaveLength(1);
    expect(decodeURIComponent(asked[0] ?? "")).toBe(`GET ?filter[name]=${name}&fields[auth-secret]=name,type`);
    expect(sentToLatchkey.filter((one) => one === `GET /${id}`)).toHaveLength(2);
  });

  test("a secret that was made anew under its name is found again", async () => {
    const first = await keep("api_key", { headerName: "X-Key", headerValue: "old" });
    await steps.secrets.getHeaders(first.name);
    await world.database.owner`delete from secrets where id = ${first.id}`;
    const second = await keep("api_key", { headerName: "X-Key", headerValue: "new" });
    await world.database
      .owner`update secrets set name = ${first.name}, name_key = ${first.name.toLowerCase()} where id = ${second.id}`;
    expect(await steps.secrets.getHeaders(first.name)).toEqual({ "X-Key": "new" });
  });

  test("unknown, of another type, or not for this key: each says so", async () => {
    const { name, id } = await keep("basic", { username: "u", password: "p" });
    expect(await failure(steps.secrets.getHeaders("No such"))).toMatchObject({
      status: 404,
      message: expect.stringContaining("No such"),
    });
    expect(await failure(steps.secrets.getPassword(name))).toMatchObject({ code: "wrong_type" });
    expect(await failure(steps.secrets.getAccessToken(name))).toMatchObject({ status: 400 });
    const narrow = await makeTask(world.place, ["workspaces.auth_secret.use"]);
    const weak = createLatchkey({ url: server.url, apiKey: narrow.key, workspace: world.place.workspaceId });
    expect(await failure(weak.secrets.getBasicAuth(id))).toMatchObject({ status: 403 });
    expect(await failure(weak.secrets.getBasicAuth(name))).toMatchObject({ status: 403 });
  });

  test("a person's key needs its user name", async () => {
    const { key, email } = world.owner;
    const { workspaceId: workspace } = world.place;
    expect(() => createLatchkey({ url: server.url, apiKey: key, workspace })).toThrow(/username/);
    expect(() => createLatchkey({ url: server.url, apiKey: "", workspace })).toThrow("`apiKey` is empty");
    expect(() => createLatchkey({ url: server.url, apiKey: key, workspace: "" })).toThrow("`workspace` is empty");
    const { name } = await keep("basic", { username: "u", password: "p" });
    const own = createLatchkey({ url: server.url, apiKey: key, workspace, username: email });
    expect(await own.secrets.getBasicAuth(name)).toEqual({ username: "u", password: "p" });
  });
});

describe("access tokens", () => {
  const tokenCalls = () => sentToLatchkey.filter((one) => one.includes("/token"));

  test("one is remembered, but not beyond what is asked of it, and not for ever", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    const secret = await world.addSecret({ kind: "grace", expiresIn: 3600 });
    const first = await steps.secrets.getAccessToken(secret.id);
    expect(first).toBe(secret.accessToken);
    vi.advanceTimersByTime(59_000);
    await steps.secrets.getAccessToken(secret.id);
    expect(tokenCalls()).toHaveLength(1);
    vi.advanceTimersByTime(1_000);
    await steps.secrets.getAccessToken(secret.id);
    expect(tokenCalls()).toHaveLength(2);
    // More life than what is remembered has left.
    await steps.secrets.getAccessToken(secret.id, { minimumValidity: 3601 });
    expect(tokenCalls()).toHaveLength(3);
    vi.useRealTimers();
  });

  test("one that lives shorter than a minute is forgotten with its life", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    const secret = await world.addSecret({ kind: "grace", expiresIn: 40 });
    await steps.secrets.getAccessToken(secret.id, { minimumValidity: 5 });
    vi.advanceTimersByTime(36_000);
    await steps.secrets.getAccessToken(secret.id, { minimumValidity: 5 });
    expect(tokenCalls()).toHaveLength(2);
    vi.useRealTimers();
  });
});

describe("fetch", () => {
  test("carries the token, and everything the caller gave", async () => {
    const secret = await world.addSecret({ kind: "grace", expiresIn: 3600 });
    const answer = await steps.fetch(secret.id, apiUrl, { method: "POST", body: "b", headers: { "x-own": "1" } });
    expect([answer.status, await answer.text()]).toEqual([200, "answer"]);
    expect(seen).toHaveLength(1);
    expect(seen[0]).toMatchObject({
      method: "POST",
      body: "b",
      headers: { authorization: `Bearer ${secret.accessToken}`, "x-own": "1" },
    });
  });

  test("after a 401 the token is reported and the request made once more with a newer one, which is remembered", async () => {
    const secret = await world.addSecret({ kind: "soft", expiresIn: 3600 });
    statuses = [401];
    const answer = await steps.fetch(secret.id, apiUrl, { method: "PUT", body: new URLSearchParams({ a: "1" }) });
    expect(answer.status).toBe(200);
    expect(seen.map(({ body }) => body)).toEqual(["a=1", "a=1"]);
    const [old, newer] = seen.map(({ headers }) => headers.authorization);
    expect(old).toBe(`Bearer ${secret.accessToken}`);
    expect(newer).not.toBe(old);
    expect(world.idp.calls).toHaveLength(1);
    await steps.fetch(secret.id, apiUrl);
    expect(seen[2]?.headers.authorization).toBe(newer);
  });

  test("a body that cannot be sent again is not; the 401 is the answer, and the next request has a newer token", async () => {
    const secret = await world.addSecret({ kind: "soft", expiresIn: 3600 });
    statuses = [401];
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode("once"));
        controller.close();
      },
    });
    const answer = await steps.fetch(secret.id, apiUrl, { method: "POST", body, duplex: "half" } as RequestInit);
    expect([answer.status, await answer.text()]).toEqual([401, "answer"]);
    expect(seen.map((one) => one.body)).toEqual(["once"]);
    await steps.fetch(secret.id, apiUrl);
    expect(seen[1]?.headers.authorization).not.toBe(seen[0]?.headers.authorization);
  });

  test("with a key in a header, which no redirect takes along", async () => {
    const { id, name } = await keep("api_key", { headerName: "X-Key", headerValue: "v" });
    for (const one of [name, id]) {
      statuses = [302];
      expect((await steps.fetch(one, apiUrl)).status).toBe(302);
      expect(seen.at(-1)?.headers["x-key"]).toBe("v");
    }
    expect(seen).toHaveLength(2);
    statuses = [401];
    expect((await steps.fetch(name, apiUrl)).status).toBe(401);
  });
});

describe("request", () => {
  test("is made by Latchkey: the value is in the request and nowhere here", async () => {
    const value = "a value that must stay there";
    const allowed_hosts = [new URL(apiUrl).host];
    const { name } = await keep("api_key", { headerName: "X-Key", headerValue: value }, { allowed_hosts });
    const body = new Uint8Array([0, 255, 10]);
    const answer = await steps.request(name, { url: apiUrl, method: "PUT", headers: { "x-own": "1" }, body });
    expect([answer.status, await answer.text()]).toEqual([200, "answer"]);
    expect(seen[0]).toMatchObject({ method: "PUT", headers: { "x-key": value, "x-own": "1" } });
    statuses = [204];
    expect((await steps.request(name, { url: apiUrl })).status).toBe(204);
    statuses = [500];
    expect((await steps.request(name, { url: apiUrl, method: "POST", body: "text" })).status).toBe(500);
    expect(seen[2]?.body).toBe("text");
    expect(await failure(steps.request(name, { url: "https://elsewhere.example.com/" }))).toMatchObject({
      status: 403,
      code: "destination_not_allowed",
    });
    expect(seen).toHaveLength(3);
  });
});

describe("Jose", () => {
  test("signs and verifies with a shared secret and with a key pair, and says why a token is not good", async () => {
    const shared = await keep("hs256", { secret: "a shared secret of 32 bytes or more" });
    const pair = await keep("rs256", {});
    for (const { name, id } of [shared, pair]) {
      const token = await steps.Jose.signJws(name, { sub: "ada", aud: "api", scope: "read write" }, { lifetime: 60 });
      const claims = await steps.Jose.verifyJws(id, token, { audience: ["api", "other"], scope: "read" });
      expect(claims).toMatchObject({ sub: "ada", aud: "api", scope: "read write" });
      expect((claims.exp ?? 0) - (claims.iat ?? 0)).toBe(60);
      const refused = await failure(steps.Jose.verifyJws(name, token, { audience: "another" }));
      expect(refused).toMatchObject({ status: 400, code: "token_refused" });
    }
    const foreign = await steps.Jose.signJws(shared.name, { sub: "ada" });
    expect(await failure(steps.Jose.verifyJws(pair.name, foreign))).toMatchObject({ code: "token_refused" });
  });

  test("encrypts for a key pair and decrypts with it", async () => {
    const { name } = await keep("rs256", { use: "encrypt" });
    const token = await steps.Jose.encryptJwe(name, "for one reader: ä");
    expect(token).not.toContain("reader");
    expect(await steps.Jose.decryptJwe(name, token)).toBe("for one reader: ä");
    expect(await failure(steps.Jose.decryptJwe(name, `${token.slice(0, -4)}AAAA`))).toMatchObject({
      code: "token_refused",
    });
  });
});
