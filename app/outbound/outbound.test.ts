import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { request as httpRequest, type ServerResponse } from "node:http";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { beforeAll, describe, expect, test } from "vitest";
import { PATCH } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/route";
import { newId } from "@/lib/ids";
import { targetOf } from "@/lib/secret-use/outbound";
import { makePerson, makePlace, makeSession, makeTask, OWNER } from "@/lib/testing/callers";
import { call } from "@/lib/testing/http";
import { useOAuthWorld } from "@/lib/testing/oauth-world";
import { PLAIN, useOutboundWorld } from "@/lib/testing/outbound-world";

/** Requests that pass through (SECURITY PX-1 to PX-4): curl and Node's own client, this server's hot route, a real API behind it. */
const world = useOAuthWorld();
const passing = useOutboundWorld(world);
const { apiKey, audit, ask } = passing;
let host: string;
let origin: string;
beforeAll(() => {
  ({ host, origin } = passing);
});
const run = promisify(execFile);

/** curl with the task's key as user and password, as the README says it. */
async function curl(id: string, path: string, ...more: string[]) {
  const user = `${world.task.username}:${world.task.key}`;
  const url = `${origin}/outbound/${id}/${host}${path}`;
  const { stdout } = await run(
    "curl",
    ["-sS", "--path-as-is", "-u", user, "-H", "x-latchkey-scheme: http", ...more, url],
    {
      encoding: "buffer",
      maxBuffer: 64 * 1024 * 1024,
    },
  );
  return stdout;
}

describe("curl", () => {
  test("gets, posts and downloads as if it spoke to the API itself, without ever holding the secret", async () => {
    const id = await apiKey();
    const file = randomBytes(3_000_000);
    passing.respond = async (request, response) => {
      if (request.url?.startsWith("/file")) return void response.end(file);
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ got: Buffer.concat(chunks).toString(), by: request.method }));
    };
    expect(JSON.parse((await curl(id, "/v1/things/", "-d", "a=b&c=d")).toString())).toEqual({
      got: "a=b&c=d",
      by: "POST",
    });
    expect(JSON.parse((await curl(id, "/x", "-X", "DELETE")).toString())).toEqual({ got: "", by: "DELETE" });
    expect(
      createHash("sha256")
        .update(await curl(id, "/file?part=1"))
        .digest("hex"),
    ).toBe(createHash("sha256").update(file).digest("hex"));
    expect(passing.seen.map(({ method, url, headers }) => [method, url, headers["x-api-key"]])).toEqual([
      ["POST", "/v1/things/", "k-0123456789abcdef"],
      ["DELETE", "/x", "k-0123456789abcdef"],
      ["GET", "/file?part=1", "k-0123456789abcdef"],
    ]);
    const sent = passing.seen[0]?.headers ?? {};
    expect(sent).toMatchObject({ host, "content-length": "7", "content-type": "application/x-www-form-urlencoded" });
    expect(sent).not.toHaveProperty("authorization");
    expect(Object.keys(sent).filter((name) => /latchkey|forwarded|via/.test(name))).toEqual([]);
  });

  test("is told about a secret that comes back with stars only", async () => {
    const id = await apiKey();
    passing.respond = (request, response) => response.end(`key=${request.headers["x-api-key"]}`);
    expect((await curl(id, "/")).toString()).toBe(`key=${"*".repeat(18)}`);
    expect((await audit(id)).at(-1)).toMatchObject({ action: "secret.reflected", host });
  });
});

describe("a secret in use", () => {
  const change = async (secretId: string, attributes: Record<string, unknown>) => {
    const params = { workspaceId: world.place.workspaceId, secretId };
    const json = { data: { type: "auth-secret", attributes } };
    expect((await call(PATCH, { method: "PATCH", params, as: world.owner.basic, json })).status).toBe(200);
  };

  test("another value goes out with the next request, and is what is masked then", async () => {
    const [before, after] = ["k-before-0123456789", "k-after-9876543210"];
    const id = await apiKey(before);
    passing.respond = (request, response) => response.end(`key=${request.headers["x-api-key"]}`);
    for (let i = 0; i < 2; i++) expect(await (await ask(id)).text()).toBe(`key=${"*".repeat(before.length)}`);
    await change(id, { credentials: { headerName: "X-Api-Key", headerValue: after } });
    expect(await (await ask(id)).text()).toBe(`key=${"*".repeat(after.length)}`);
    expect(passing.seen.map(({ headers }) => headers["x-api-key"])).toEqual([before, before, after]);
  });

  test("a host that was taken off the list gets nothing more", async () => {
    const id = await apiKey();
    expect((await ask(id)).status).toBe(200);
    await change(id, { allowed_hosts: ["api.example.com"] });
    expect((await ask(id)).status).toBe(403);
    expect((await audit(id)).map(({ outcome }) => outcome)).toEqual(["allowed", "denied"]);
    expect(passing.seen).toHaveLength(1);
  });

  test("AU-1: without its entry no request is sent, however lately the value was opened: 503; it recovers by itself", async () => {
    const id = await apiKey();
    expect((await ask(id)).status).toBe(200);
    await world.database.owner`alter table audit_entries add constraint no_room check (false) not valid`;
    const answer = await ask(id);
    expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "5"]);
    expect(passing.seen).toHaveLength(1);
    await world.database.owner`alter table audit_entries drop constraint no_room`;
    expect((await ask(id)).status).toBe(200);
    expect((await audit(id)).map(({ outcome }) => outcome)).toEqual(["allowed", "allowed"]);
  });

  test("a row that was edited in the database opens no more, however lately it did", async () => {
    const id = await apiKey();
    expect((await ask(id)).status).toBe(200);
    await world.database
      .owner`update secrets set sealed = set_byte(sealed, length(sealed) - 1, get_byte(sealed, length(sealed) - 1) # 1) where id = ${id}`;
    expect((await ask(id)).status).toBe(409);
    expect(passing.seen).toHaveLength(1);
  });
});

describe("the path", () => {
  test("goes on as it was written, dots aside", async () => {
    const id = await apiKey();
    for (const path of ["", "/", "/a%2Fb/%41?x=%20&y", "/a//b/", "/ü"]) await ask(id, path);
    expect(passing.seen.map(({ url }) => url)).toEqual(["/", "/", "/a%2Fb/%41?x=%20&y", "/a//b/", "/%C3%BC"]);
  });

  test("cannot lead to another host or out of the route", async () => {
    const id = await apiKey();
    const paths = [
      `/outbound/${id}/evil.example/`,
      `/outbound/${id}/${host}@evil.example/`,
      `/outbound/${id}/${host}%40evil.example/`,
      `/outbound/${id}/${host}/../evil.example/x`,
      `/outbound/${id}/${host}/%2e%2e/evil.example/x`,
      `/outbound/${id}/${host}%2f@evil.example/`,
      `/outbound/${id}/evil.example%23${host}/`,
      `/outbound/${id}/evil.example\\${host}/`,
      `/outbound/${newId()}/${host}/`,
      `/outbound/x/${host}/`,
      `/outbound/${id}/${host}/../../../v2/users/me`,
    ];
    for (const path of paths) {
      const status = await new Promise<number | undefined>((resolve, reject) => {
        const sent = httpRequest(origin, { path, headers: { ...world.task.basic, ...PLAIN } }, (got) => {
          got.resume();
          resolve(got.statusCode);
        });
        sent.on("error", reject).end();
      });
      expect([400, 403, 404], path).toContain(status);
    }
    expect(passing.seen).toEqual([]);
  });

  test("without the scheme it is https", async () => {
    const answer = await fetch(`${origin}/outbound/${await apiKey()}/${host}/`, { headers: world.task.basic });
    expect(answer.status).toBe(424);
    expect(passing.seen).toEqual([]);
  });

  test("keeps a port that is the other scheme's usual one", () => {
    const asked = (host: string) => new URL(`${origin}/outbound/s/${host}/a`);
    expect(targetOf(asked("api.example.com:443"), "http").url.href).toBe("http://api.example.com:443/a");
    expect(targetOf(asked("api.example.com:80"), "http").url.href).toBe("http://api.example.com/a");
    expect(targetOf(asked("api.example.com:80"), "https").url.href).toBe("https://api.example.com:80/a");
  });

  test("stays out of the log, but for the host", async () => {
    const { loggablePath } = await import("@/lib/http/key-in-url");
    expect(loggablePath({ pathname: "/outbound/s/api.example.com/a/b" })).toBe("/outbound/s/api.example.com/...");
    expect(loggablePath({ pathname: "/outbound/s/api.example.com" })).toBe("/outbound/s/api.example.com");
  });
});

describe("who and where", () => {
  test("a host that is not allowed is 403 and on record; nothing is sent", async () => {
    const id = await apiKey("key-value", ["api.example.com"]);
    const answer = await ask(id);
    expect(answer.status).toBe(403);
    expect(((await answer.json()) as { errors: { code: string }[] }).errors[0]?.code).toBe("destination_not_allowed");
    expect(await audit(id)).toMatchObject([{ outcome: "denied", host, detail: { code: "blocked_destination" } }]);
    expect(passing.seen).toEqual([]);
  });

  test("a stranger finds nothing, a guest may not, a key with `use` may, a browser may not", async () => {
    const id = await apiKey();
    const stranger = await makePerson(await makePlace(), OWNER);
    const guest = await makePerson(world.place, { workspace: "guest" });
    const user = await makeTask(world.place, ["workspaces.auth_secret.use"]);
    expect((await ask(id, "/", {}, stranger.basic)).status).toBe(404);
    expect((await ask(id, "/", {}, guest.basic)).status).toBe(403);
    expect((await ask(id, "/", {}, user.basic)).status).toBe(200);
    expect((await ask(id, "/", {}, world.owner.basic)).status).toBe(200);
    expect((await ask(id, "/", {}, await makeSession(world.owner.id))).status).toBe(403);
    expect((await ask(id, "/", { headers: { authorization: "Basic eDp5" } })).status).toBe(401);
    expect(passing.seen).toHaveLength(2);
  });

  test.each([
    ["cookie", "a=b"],
    ["range", "bytes=0-3"],
    ["proxy-authorization", "x"],
    ["x-api-key", "mine"],
  ])("the header %s is 400", async (name, value) => {
    const answer = await ask(await apiKey(), "/", { headers: { [name]: value } });
    expect(answer.status).toBe(400);
    expect(((await answer.json()) as { errors: { source: unknown }[] }).errors[0]?.source).toEqual({ header: name });
    expect(passing.seen).toEqual([]);
  });
});

describe("the answer", () => {
  test("PX-4: is a file of nobody's, without cookies, and says who answered", async () => {
    passing.respond = (_request, response) => {
      response.writeHead(203, {
        "content-type": "text/html",
        "content-disposition": 'inline; filename="a.html"',
        "content-security-policy": "default-src *",
        "set-cookie": ["a=b", "c=d"],
        "strict-transport-security": "max-age=0",
        "x-content-type-options": "off",
        "clear-site-data": '"*"',
        "x-kept": "yes",
        "x-request-id": "theirs",
      });
      response.end("<script>alert(1)</script>");
    };
    const answer = await ask(await apiKey());
    expect(answer.status).toBe(203);
    const headers = Object.fromEntries(answer.headers);
    expect(headers).toMatchObject({
      "content-type": "text/html",
      "content-disposition": 'attachment; filename="a.html"',
      "content-security-policy": expect.stringMatching(/^sandbox;/),
      "x-content-type-options": "nosniff",
      "x-kept": "yes",
      via: "1.1 latchkey",
      "x-request-id": expect.not.stringMatching("theirs"),
    });
    for (const name of ["set-cookie", "clear-site-data"]) expect(headers).not.toHaveProperty(name);
    expect(await answer.text()).toBe("<script>alert(1)</script>");
  });

  test("HEAD and OPTIONS are the destination's: a length without a body, what may be asked", async () => {
    const id = await apiKey();
    passing.respond = (request, response) => {
      const allow = { allow: "GET, HEAD, OPTIONS", "x-key-seen": String(request.headers["x-api-key"]?.length) };
      if (request.method === "OPTIONS") response.writeHead(204, allow).end();
      else response.writeHead(200, { ...allow, "content-length": 1_234 }).end();
    };
    for (const [method, status, length] of [
      ["HEAD", 200, "1234"],
      ["OPTIONS", 204, null],
    ] as const) {
      const answer = await ask(id, "/x", { method });
      expect([answer.status, answer.headers.get("content-length"), await answer.text()]).toEqual([status, length, ""]);
      expect(answer.headers.get("allow")).toBe("GET, HEAD, OPTIONS");
      expect(answer.headers.get("x-key-seen")).toBe("18");
      expect(answer.headers.get("via")).toBe("1.1 latchkey");
    }
    expect(passing.seen.map(({ method }) => method)).toEqual(["HEAD", "OPTIONS"]);
    expect((await audit(id)).map(({ detail }) => detail)).toEqual([{ method: "HEAD" }, { method: "OPTIONS" }]);
  });

  test("SS-5: a redirect is given back", async () => {
    passing.respond = (_request, response) => response.writeHead(307, { location: "https://evil.example/" }).end();
    const answer = await ask(await apiKey());
    expect([answer.status, answer.headers.get("location")]).toEqual([307, "https://evil.example/"]);
    expect(passing.seen).toHaveLength(1);
  });

  test("PX-3: base64 of the value, a byte at a time, comes out as stars and as soon as it can", async () => {
    const value = "Zq+3f/8A+b/c9==token";
    passing.respond = async (request, response) => {
      const text = Buffer.from(`[${request.headers["x-api-key"]}]`).toString("base64");
      for (const byte of text) {
        response.write(byte);
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
      response.end();
    };
    const id = await apiKey(value);
    const text = await (await ask(id)).text();
    expect(text).toMatch(/^..\*{20,}.{0,4}$/);
    expect(Buffer.from(text.replaceAll("*", "A"), "base64").includes(value.slice(2, -2))).toBe(false);
    expect((await audit(id)).filter(({ action }) => action === "secret.reflected")).toHaveLength(1);
  });

  test("events come when they are sent", async () => {
    let push: ServerResponse | undefined;
    passing.respond = (_request, response) => {
      push = response.writeHead(200, { "content-type": "text/event-stream" });
      push.write("data: 1\n\n");
    };
    const answer = await ask(await apiKey());
    const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
    expect(Buffer.from((await reader.read()).value ?? []).toString()).toBe("data: 1\n\n");
    push?.write("data: 2\n\n");
    expect(Buffer.from((await reader.read()).value ?? []).toString()).toBe("data: 2\n\n");
    const gone = new Promise((resolve) => push?.once("close", resolve));
    await reader.cancel();
    await gone;
  });

  test("what comes compressed all the same is undone and masked; a bomb ends the answer", async () => {
    const id = await apiKey();
    passing.respond = (request, response) =>
      response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync(`key: ${request.headers["x-api-key"]}`));
    const answer = await ask(id);
    expect(answer.headers.get("content-encoding")).toBeNull();
    expect(await answer.text()).toBe(`key: ${"*".repeat(18)}`);
    passing.respond = (_request, response) =>
      response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync(Buffer.alloc(50_000_000)));
    await expect((await ask(id)).arrayBuffer()).rejects.toThrow();
    passing.respond = (_request, response) => response.writeHead(200, { "content-encoding": "zstd" }).end("x");
    expect((await ask(id)).status).toBe(424);
  });

  test("an unreachable destination is 424, one that breaks off ends the answer short", async () => {
    const closed = "127.0.0.1:1";
    const id = await apiKey("key-value", [closed, host]);
    const none = await fetch(`${origin}/outbound/${id}/${closed}/`, { headers: { ...world.task.basic, ...PLAIN } });
    expect(none.status).toBe(424);
    passing.respond = (_request, response) => {
      response.writeHead(200, { "content-length": "100" });
      response.write("half");
      setTimeout(() => response.destroy(), 50);
    };
    await expect((await ask(id)).text()).rejects.toThrow();
  });
});
