import { brotliCompressSync, gzipSync } from "node:zlib";
import { beforeAll, describe, expect, test } from "vitest";
import { POST as VERIFY } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/jwt/verify/route";
import { POST as REQUEST } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/request/route";
import { PATCH } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/route";
import { makePerson, makePlace, makeSession, makeTask, OWNER } from "@/lib/testing/callers";
import { type Answer, call } from "@/lib/testing/http";
import { useOAuthWorld } from "@/lib/testing/oauth-world";
import { useRecordingApi } from "@/lib/testing/recording-api";
import { madeId, postSecret } from "@/lib/testing/secrets-api";

/** HTTP requests with a secret (SECURITY PX-1 to PX-3, SS-5, SS-7, SS-8, AU-1, AU-2): the API of a real server on this machine. */
const world = useOAuthWorld();

const api = useRecordingApi();
let host: string;
beforeAll(() => {
  host = api.host;
});

let count = 0;
async function add(type: string, credentials: Record<string, unknown>, allowed_hosts: string[] | null = [host]) {
  return madeId(
    await postSecret(world.place, world.owner.basic, {
      name: `Request ${++count}`,
      type,
      credentials,
      ...(allowed_hosts ? { allowed_hosts } : {}),
    }),
  );
}

const allow = (secretId: string, allowed_hosts: unknown, as = world.owner.basic): Promise<Answer> =>
  call(PATCH, {
    method: "PATCH",
    params: { workspaceId: world.place.workspaceId, secretId },
    as,
    json: { data: { type: "auth-secret", attributes: { allowed_hosts } } },
  });

const ask = (secretId: string, json: Record<string, unknown> = {}, as = world.task.basic): Promise<Answer> =>
  call(REQUEST, {
    method: "POST",
    params: { workspaceId: world.place.workspaceId, secretId },
    as,
    json: { url: `http://${host}/`, ...json },
  });

const audit = (secretId: string) => world.database.owner<Record<string, unknown>[]>`
  select action, outcome, host, generation, detail, actor_id from audit_entries where target_id = ${secretId}
    and action in ('secret.requested', 'secret.reflected', 'secret.destinations_changed') order by id`;

const apiKey = (headerValue = "k-0123456789abcdef") => add("api_key", { headerName: "X-Api-Key", headerValue });

describe("what is sent", () => {
  test("oauth2: the current access token as Bearer", async () => {
    const secret = await world.addSecret();
    await allow(secret.id, [host]);
    const answer = await ask(secret.id, { url: `http://${host}/v1/me?a=b%2Fc` });
    expect(answer.status).toBe(200);
    expect(answer.body.data).toMatchObject({
      id: secret.id,
      type: "response",
      attributes: { status: 200, body: "hello", tries: 1, masked: 0, duration_ms: expect.any(Number) },
    });
    expect(api.seen).toMatchObject([
      { method: "GET", url: "/v1/me?a=b%2Fc", headers: { authorization: `Bearer ${secret.accessToken}` } },
    ]);
  });

  test("hs256 and rs256: a token signed for this request, with the secret's claims; an echo of it is masked", async () => {
    api.respond = (request, response) => response.end(request.headers.authorization);
    const settings = { issuer: "us", audience: "them", lifetime: 60 };
    const shared = await add("hs256", { secret: "a shared secret of more than 32 bytes", ...settings });
    const pair = await add("rs256", { bits: 2048, ...settings });
    for (const id of [shared, pair]) {
      const answer = await ask(id);
      expect(answer.status).toBe(200);
      const token = String(api.seen.at(-1)?.headers.authorization).replace("Bearer ", "");
      expect(answer.body.data.attributes.masked).toBe(1);
      expect(JSON.stringify(answer.body)).not.toContain(token);
      const read = await call(VERIFY, {
        method: "POST",
        params: { workspaceId: world.place.workspaceId, secretId: id },
        as: world.task.basic,
        json: { token },
      });
      expect(read.body.data.attributes.claims).toMatchObject({ iss: "us", aud: "them" });
    }
    expect(api.seen[0]?.headers.authorization).not.toBe(api.seen[1]?.headers.authorization);
    const before = api.seen.length;
    expect((await ask(await add("rs256", { bits: 2048, use: "encrypt" }))).status).toBe(400);
    expect(api.seen).toHaveLength(before);
  });

  test("oauth2: an expired token is renewed first", async () => {
    const secret = await world.addSecret();
    await allow(secret.id, [host]);
    await world.expire(secret.id);
    expect((await ask(secret.id)).body.data.attributes.status).toBe(200);
    expect(world.idp.refreshCalls()).toHaveLength(1);
    const sent = String(api.seen[0]?.headers.authorization).slice("Bearer ".length);
    expect(sent).not.toBe(secret.accessToken);
    expect(world.idp.grants.acceptsAccess(sent)).toBe(true);
  });

  test("oauth2 that nobody authorized is 409, and nothing is sent", async () => {
    const made = await postSecret(
      world.place,
      world.owner.basic,
      { name: `Open ${++count}`, credentials: {}, allowed_hosts: [host] },
      world.clientId,
    );
    const answer = await ask(made.body.data.id);
    expect(answer.status).toBe(409);
    expect(answer.body.errors[0].meta.problem.code).toBe("unauthorized");
    expect(api.connections).toBe(0);
    expect(await audit(made.body.data.id)).toMatchObject([{ outcome: "failed", host }]);
  });

  test("basic, api_key, noauth, password and http_headers: each in its own headers", async () => {
    await ask(await add("basic", { username: "jörg", password: "p:w" }));
    await ask(await apiKey());
    await ask(await add("noauth", {}));
    await ask(await add("password", { password: "a password" }));
    await ask(await add("http_headers", { headers: { "X-One": "1st value", "X-Two": "2nd value" } }));
    expect(api.seen[3]?.headers.authorization).toBe("Bearer a password");
    expect(api.seen[4]?.headers).toMatchObject({ "x-one": "1st value", "x-two": "2nd value" });
    expect(api.seen[0]?.headers.authorization).toBe(`Basic ${Buffer.from("jörg:p:w").toString("base64")}`);
    expect(api.seen[1]?.headers).toMatchObject({ "x-api-key": "k-0123456789abcdef" });
    expect(api.seen[1]?.headers).not.toHaveProperty("authorization");
    expect(api.seen[2]?.headers).not.toHaveProperty("authorization");
  });

  test("method, headers and body as given, text or bytes; nothing of the caller's own", async () => {
    const id = await apiKey();
    const headers = { "Content-Type": "application/json", "X-Custom": "väl" };
    await ask(id, { method: "POST", headers, body: '{"ü":1}' });
    await ask(id, { method: "PUT", body_base64: Buffer.from([0, 255, 10]).toString("base64") });
    expect(api.seen[0]).toMatchObject({ method: "POST", headers: { "content-type": "application/json" } });
    expect(api.seen[0]?.body.toString()).toBe('{"ü":1}');
    expect(api.seen[1]?.body).toEqual(Buffer.from([0, 255, 10]));
    expect(Object.keys(api.seen[1]?.headers ?? {}).sort()).toEqual([
      "accept-encoding",
      "connection",
      "content-length",
      "host",
      "user-agent",
      "x-api-key",
    ]);
    expect(api.seen[1]?.headers["accept-encoding"]).toBe("identity");
  });

  test("a value that no header can hold is said, and not sent", async () => {
    const secret = await world.addSecret({}, { credentials: { access_token: "token €" } });
    await allow(secret.id, [host]);
    const answer = await ask(secret.id);
    expect(answer.status).toBe(400);
    expect(JSON.stringify(answer.body)).not.toContain("token €");
    expect(api.connections).toBe(0);
  });
});

describe("PX-1: allowed hosts", () => {
  test("another host is 403 before any connection, and recorded as a blocked destination", async () => {
    for (const hosts of [
      null,
      [],
      ["127.0.0.1"],
      ["localhost:80"],
      [`localhost:${host.split(":")[1]}`],
      ["*.example.com"],
    ]) {
      const id = await add("api_key", { headerName: "X-Api-Key", headerValue: "key-value" }, hosts);
      const answer = await ask(id);
      expect(answer.status).toBe(403);
      expect(answer.body.errors[0].code).toBe("destination_not_allowed");
      expect(await audit(id)).toMatchObject([
        { action: "secret.requested", outcome: "denied", host, detail: { method: "GET", code: "blocked_destination" } },
      ]);
    }
    expect(api.connections).toBe(0);
  });

  test("an allowed one is recorded with host and generation before anything leaves", async () => {
    const id = await apiKey();
    let entries: Record<string, unknown>[] = [];
    api.respond = async (_request, response) => {
      entries = await audit(id);
      response.end();
    };
    expect((await ask(id, { method: "DELETE" })).status).toBe(200);
    expect(entries).toMatchObject([
      {
        action: "secret.requested",
        outcome: "allowed",
        host,
        generation: 1,
        detail: { method: "DELETE" },
        actor_id: world.task.id,
      },
    ]);
  });

  test("AU-1: without the entry nothing leaves", async () => {
    const id = await apiKey();
    await world.database
      .owner`alter table audit_entries add constraint full_disk check (action <> 'secret.requested') not valid`;
    try {
      const answer = await ask(id);
      expect(answer.status).toBe(503);
      expect(answer.body.errors[0].code).toBe("audit_unavailable");
      expect(api.connections).toBe(0);
    } finally {
      await world.database.owner`alter table audit_entries drop constraint full_disk`;
    }
  });

  test("with methods and a path: others are 403 in words that say so, and recorded as blocked", async () => {
    const id = await add("api_key", { headerName: "X-Api-Key", headerValue: "key-value" }, [`GET,POST ${host}/v1/`]);
    const url = (path: string) => `http://${host}${path}`;
    expect((await ask(id, { url: url("/v1/me?x") })).status).toBe(200);
    expect((await ask(id, { url: url("/v1"), method: "POST" })).status).toBe(200);
    const before = api.connections;
    for (const json of [
      { url: url("/v1/me"), method: "DELETE" },
      { url: url("/v2/me") },
      { url: url("/v1/..%2fv2/me") },
      { url: url("/") },
    ]) {
      const answer = await ask(id, json);
      expect(answer.status).toBe(403);
      expect(answer.body.errors[0].detail).toContain("not with");
      expect((await audit(id)).at(-1)).toMatchObject({
        outcome: "denied",
        host,
        detail: { code: "blocked_destination" },
      });
    }
    expect(api.connections).toBe(before);
    expect((await audit(id)).map(({ outcome }) => outcome)).toEqual([
      ...["allowed", "allowed"],
      ...Array(4).fill("denied"),
    ]);
  });

  test("are shown, changed with a pointer at what is wrong, and a change is recorded as one of destinations", async () => {
    const id = await apiKey();
    const bad = await allow(id, ["api.example.com", "https://x.example.com", "*.co.uk"]);
    expect(bad.status).toBe(400);
    expect(bad.body.errors.map((one: { source: unknown }) => one.source)).toEqual([
      { pointer: "/data/attributes/allowed_hosts/1" },
      { pointer: "/data/attributes/allowed_hosts/2" },
    ]);
    const good = await allow(id, ["*.Example.com", host]);
    expect(good.body.data.attributes.allowed_hosts).toEqual(["*.example.com", host]);
    await allow(id, [host, "*.example.com"]);
    expect(await audit(id)).toMatchObject([
      { action: "secret.destinations_changed", detail: { before: [host], after: ["*.example.com", host] } },
    ]);
  });

  test("a further host is for who may read the value, after a recent sign-in; fewer are for who may edit", async () => {
    const id = await apiKey();
    const editor = await makeTask(world.place, ["workspaces.auth_secret.edit", "workspaces.auth_secret.get"]);
    expect((await allow(id, [host, "evil.example"], editor.basic)).status).toBe(403);
    const old = await makeSession(world.owner.id, new Date(Date.now() - 3_600_000));
    const stale = await allow(id, [host, "more.example"], old);
    expect(stale.body.errors[0].code).toBe("reauth_required");
    expect((await allow(id, [`GET,POST ${host}/v1/`], old)).status).toBe(200);
    expect((await allow(id, [`POST ${host}/v1/x/`], editor.basic)).status).toBe(200);
    expect((await allow(id, [`${host}/v1/x/`], editor.basic)).status).toBe(403);
    expect((await allow(id, [], editor.basic)).status).toBe(200);
  });

  test("who may not use the secret learns nothing, not even whether a host is allowed", async () => {
    const id = await apiKey();
    const stranger = await makePerson(await makePlace(), OWNER);
    const guest = await makePerson(world.place, { workspace: "guest" });
    expect((await ask(id, {}, stranger.basic)).status).toBe(404);
    expect((await ask(id, {}, guest.basic)).status).toBe(403);
    expect(api.connections).toBe(0);
    const user = await makeTask(world.place, ["workspaces.auth_secret.use"]);
    expect((await ask(id, {}, user.basic)).status).toBe(200);
    // No value is in the answer, so a browser may ask, too.
    expect((await ask(id, {}, await makeSession(world.owner.id))).status).toBe(200);
  });
});

describe("PX-2: headers", () => {
  test.each([
    "Authorization",
    "authorization",
    "COOKIE",
    "Host",
    "Proxy-Authorization",
    "proxy-connection",
    "Transfer-Encoding",
    "Connection",
    "Upgrade",
    "TE",
    "Trailer",
    "Keep-Alive",
    "Expect",
    "Content-Length",
    "X-Api-Key",
    "Range",
    "a b",
    "a:b",
    "",
    "x\r\ny",
    "ü",
  ])("%j may not be set", async (name) => {
    const answer = await ask(await apiKey(), { headers: { [name]: "v" } });
    expect(answer.status).toBe(400);
    expect(answer.body.errors[0].source.pointer).toBe(`/headers/${name}`);
    expect(api.connections).toBe(0);
  });

  test.each(["a\r\nAuthorization: Bearer x", "a\nb", "a\rb", "a\u0001", "€"])(
    "the value %j is refused",
    async (value) => {
      const answer = await ask(await apiKey(), { headers: { "x-fine": "y", "x-odd": value } });
      expect(answer.status).toBe(400);
      expect(answer.body.errors).toHaveLength(1);
      expect(answer.body.errors[0].source.pointer).toBe("/headers/x-odd");
      expect(api.connections).toBe(0);
    },
  );

  test.each([
    [{ url: "ftp://x.example" }, "/url"],
    [{ url: "https://u:p@x.example" }, "/url"],
    [{ url: "/relative" }, "/url"],
    [{ url: "http://x.example/a b" }, "/url"],
    [{ url: "http://x.example/\r\nx: y" }, "/url"],
    [{ method: "TRACE" }, "/method"],
    [{ method: "CONNECT" }, "/method"],
    [{ body: "a", body_base64: "YQ==" }, "/body_base64"],
    [{ body_base64: "not base64!" }, "/body_base64"],
    [{ headers: { a: 5 } }, "/headers/a"],
    [{ more: 1 }, "/more"],
  ])("%j is 400 with its pointer", async (json, pointer) => {
    const answer = await ask(await apiKey(), json);
    expect(answer.status).toBe(400);
    expect(answer.body.errors[0].source.pointer).toBe(pointer);
  });

  test("of the answer without cookies and what is between neighbours", async () => {
    api.respond = (_request, response) => {
      response.setHeader("Set-Cookie", ["a=b", "c=d"]);
      response.setHeader("Connection", "keep-alive, X-Hop");
      response.setHeader("X-Hop", "1");
      response.setHeader("Proxy-Authenticate", "Basic");
      response.setHeader("X-Kept", ["1", "2"]);
      response.setHeader("Content-Type", "text/plain");
      response.end("x");
    };
    const { headers } = (await ask(await apiKey())).body.data.attributes;
    delete headers.date;
    expect(headers).toEqual({ "x-kept": "1, 2", "content-type": "text/plain" });
  });
});

describe("PX-3: the value never comes back", () => {
  const secrets = {
    api_key: () => apiKey('k"ey/+ <&> 0123456789'),
    basic: () => add("basic", { username: "user", password: "pass/word+12" }),
    oauth2: async () => {
      const secret = await world.addSecret();
      await allow(secret.id, [host]);
      return secret.id;
    },
  };
  /** What a server may make of what it was sent. */
  const echoes: Record<string, (value: string) => string | Buffer> = {
    plain: (value) => `you sent ${value}`,
    json: (value) => JSON.stringify({ headers: { authorization: value } }),
    base64: (value) => Buffer.from(`x${value}`).toString("base64"),
    "url-safe base64": (value) => Buffer.from(`xy${value}`).toString("base64url"),
    hex: (value) => Buffer.from(value).toString("hex"),
    percent: (value) => encodeURIComponent(value),
    html: (value) => value.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;"),
    utf16: (value) => Buffer.from(value, "utf16le"),
  };

  test.each(Object.keys(secrets) as (keyof typeof secrets)[])(
    "of %s, in any writing, in body or header; and it is recorded",
    async (type) => {
      const id = await secrets[type]();
      for (const [what, echo] of Object.entries(echoes)) {
        let value = "";
        let spelt = Buffer.alloc(0);
        api.respond = ({ headers }, response) => {
          value = String(headers["x-api-key"] ?? headers.authorization?.replace(/^\w+ /, ""));
          spelt = Buffer.from(echo(value));
          if (what !== "utf16") response.setHeader("X-Echo", spelt.toString());
          // In two pieces, cut inside the value.
          response.write(spelt.subarray(0, spelt.length >> 1));
          setTimeout(() => response.end(spelt.subarray(spelt.length >> 1)), 20);
        };
        const { attributes } = (await ask(id)).body.data;
        const text = JSON.stringify(attributes);
        expect(attributes.masked, what).toBeGreaterThan(0);
        const answered = Buffer.from(
          attributes.body ?? attributes.body_base64,
          attributes.body === undefined ? "base64" : "utf8",
        );
        expect(answered.length).toBe(spelt.length);
        expect(answered.toString()).toMatch(/\*{8}/);
        expect(text).not.toContain(value);
        expect(answered.includes(spelt.subarray(-16))).toBe(false);
        if (what !== "utf16") expect(attributes.headers["x-echo"]).toMatch(/\*{8}/);
        const last = (await audit(id)).at(-1);
        expect(last).toMatchObject({ action: "secret.reflected", outcome: "denied", host });
      }
    },
  );

  test("of Basic the password alone, too", async () => {
    const id = await secrets.basic();
    api.respond = (_request, response) => response.end("your password is pass/word+12, user");
    expect((await ask(id)).body.data.attributes.body).toBe(`your password is ${"*".repeat(12)}, user`);
  });

  test("as the name of a header", async () => {
    const id = await apiKey("Key-In-A-Name-42");
    api.respond = (_request, response) => response.writeHead(200, { "X-Key-In-A-Name-42": "1", "x-other": "2" }).end();
    const { headers } = (await ask(id)).body.data.attributes;
    expect(headers).toHaveProperty("x-other");
    expect(JSON.stringify(headers).toLowerCase()).not.toContain("key-in-a-name");
  });

  test("behind a compression nobody asked for", async () => {
    const id = await apiKey();
    for (const [coding, press] of [
      ["gzip", gzipSync],
      ["br", brotliCompressSync],
    ] as const) {
      api.respond = ({ headers }, response) =>
        response.writeHead(200, { "content-encoding": coding }).end(press(`key: ${headers["x-api-key"]}`));
      const { attributes } = (await ask(id)).body.data;
      expect(attributes.body).toBe(`key: ${"*".repeat(18)}`);
      expect(attributes.headers).not.toHaveProperty("content-encoding");
    }
  });
});

describe("answers", () => {
  test("SS-5: a redirect is the answer; nobody follows it", async () => {
    api.respond = (_request, response) =>
      response.writeHead(302, { location: `http://localhost:${host.split(":")[1]}/x` }).end();
    const { attributes } = (await ask(await apiKey())).body.data;
    expect(attributes).toMatchObject({ status: 302, headers: { location: expect.stringContaining("localhost") } });
    expect(api.seen).toHaveLength(1);
  });

  test("bytes come as base64, text as text, errors of the destination as what they are", async () => {
    const id = await apiKey();
    api.respond = (_request, response) => response.writeHead(500).end(Buffer.from([0xff, 0, 1]));
    expect((await ask(id)).body.data.attributes).toMatchObject({ status: 500, body_base64: "/wAB" });
    api.respond = (_request, response) => response.writeHead(404).end("ü");
    expect((await ask(id)).body.data.attributes).toMatchObject({ status: 404, body: "ü" });
    expect((await ask(id, { method: "HEAD" })).body.data.attributes).toMatchObject({ status: 404, body: "" });
  });

  test("401 with oauth2: one refresh and one more try with the same body", async () => {
    const secret = await world.addSecret();
    await allow(secret.id, [host]);
    api.respond = ({ headers }, response) => {
      if (headers.authorization === `Bearer ${secret.accessToken}`) response.writeHead(401).end();
      else response.end(`was ${secret.accessToken}, is ${headers.authorization}`);
    };
    const { attributes } = (await ask(secret.id, { method: "POST", body: "again" })).body.data;
    expect(attributes).toMatchObject({ status: 200, tries: 2, masked: 2 });
    expect(attributes.body).toMatch(/^was \*+, is Bearer \*+$/);
    expect(api.seen.map(({ body }) => body.toString())).toEqual(["again", "again"]);
    expect(world.idp.refreshCalls()).toHaveLength(1);
    expect(await audit(secret.id)).toMatchObject([
      { action: "secret.destinations_changed" },
      { action: "secret.requested", outcome: "allowed", generation: 1 },
      { action: "secret.requested", outcome: "allowed", generation: 2 },
      { action: "secret.reflected" },
    ]);
  });

  test("401 for good is the answer, after one refresh; with other types at once", async () => {
    const secret = await world.addSecret();
    await allow(secret.id, [host]);
    api.respond = (_request, response) => response.writeHead(401, { "www-authenticate": "Bearer" }).end("no");
    expect((await ask(secret.id)).body.data.attributes).toMatchObject({ status: 401, tries: 2, body: "no" });
    expect(world.idp.refreshCalls()).toHaveLength(1);
    expect((await ask(await apiKey())).body.data.attributes).toMatchObject({ status: 401, tries: 1 });
  });

  test("401 and no newer token to be had: the 401 is the answer", async () => {
    const secret = await world.addSecret({ offline: false });
    await allow(secret.id, [host]);
    api.respond = (_request, response) => response.writeHead(401).end("no");
    expect((await ask(secret.id)).body.data.attributes).toMatchObject({ status: 401, tries: 1 });
    expect(api.seen).toHaveLength(1);
  });
});

describe("SS-7, SS-8: destinations at fault are 424 in plain words", () => {
  const detail = async (id: string, json = {}) => {
    const answer = await ask(id, json);
    expect(answer.status).toBe(424);
    expect(answer.body.errors[0].code).toBe("destination_fault");
    return answer.body.errors[0].detail as string;
  };

  test("an endless body", async () => {
    api.respond = (_request, response) => {
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536)));
      };
      response.on("drain", more);
      more();
    };
    expect(await detail(await apiKey())).toContain("larger than allowed");
  });

  test("a gzip bomb", async () => {
    const bomb = gzipSync(Buffer.alloc(50 * 1024 * 1024));
    api.respond = (_request, response) => response.writeHead(200, { "content-encoding": "gzip" }).end(bomb);
    expect(await detail(await apiKey())).toContain("larger than allowed");
  });

  test("an encoding that cannot be undone", async () => {
    for (const coding of ["gzip", "compress", "gzip, gzip"]) {
      api.respond = (_request, response) =>
        response.writeHead(200, { "content-encoding": coding }).end("no such thing");
      expect(await detail(await apiKey())).toContain("could not be read");
    }
  });

  test("a body that drips", async () => {
    api.respond = (_request, response) => {
      const drip = setInterval(() => response.write("x"), 200);
      response.once("close", () => clearInterval(drip));
    };
    expect(await detail(await apiKey())).toContain("too slowly");
  }, 60_000);

  test("an answer that breaks off", async () => {
    api.respond = (_request, response) => {
      response.writeHead(200, { "content-length": "100" });
      response.write("half");
      setTimeout(() => response.destroy(), 50);
    };
    expect(await detail(await apiKey())).toContain("complete answer");
  });

  test("blocked, refused and unknown read alike", async () => {
    const closed = "127.0.0.1:1";
    const blocked = [
      "10.0.0.1:8080",
      "169.254.169.254",
      "[::ffff:10.0.0.1]",
      "metadata.google.internal",
      "no-such-name.invalid",
    ];
    const id = await add("noauth", {}, [closed, ...blocked]);
    const said = new Set<string>();
    for (const one of [closed, ...blocked]) said.add(await detail(id, { url: `http://${one}/` }));
    expect([...said]).toEqual(["The destination could not be reached."]);
  });
});
