import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Server } from "node:net";
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import * as oauth from "oauth4webapi";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { EgressError } from "@/lib/egress/egress-error";
import { readLimited } from "@/lib/egress/read-limited";
import { checkLiteral, customFetch, Egress, exchange, egress as ownEgress, safeFetch } from "@/lib/egress/safe-fetch";
import { forget, install } from "@/lib/process";
import { standStill } from "@/lib/testing/stand-still";

type Handle = (request: IncomingMessage, response: ServerResponse) => void;

let handle: Handle;
const seen: { method: string; url: string; headers: IncomingMessage["headers"]; body: string }[] = [];
const server = createServer((request, response) => {
  let body = "";
  request.on("data", (chunk) => {
    body += chunk;
  });
  request.on("end", () => {
    seen.push({ method: request.method ?? "", url: request.url ?? "", headers: request.headers, body });
    handle(request, response);
  });
});
let base = "";
let egress: Egress;

beforeAll(async () => {
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  egress = new Egress({ allow: ["localhost"] });
  seen.length = 0;
  handle = (_request, response) => response.end("{}");
});
afterEach(() => egress.close());

const kindOf = (work: Promise<unknown>) =>
  work.then(
    () => "answered",
    (error: unknown) => (error instanceof EgressError ? error.kind : error),
  );

async function listening(server: Server): Promise<number> {
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return (server.address() as AddressInfo).port;
}

test("an ordinary exchange", async () => {
  handle = (_request, response) =>
    response.writeHead(200, { "content-type": "application/json", "x-two": ["a", "b"] }).end('{"a":1}');
  const answer = await exchange(
    `${base}/token?x=1#part`,
    { method: "POST", body: new URLSearchParams({ a: "b c" }), headers: { "X-Mine": "1" } },
    { egress },
  );
  expect(answer).toMatchObject({ status: 200, headers: { "content-type": "application/json" } });
  expect(answer.body.toString()).toBe('{"a":1}');
  expect(seen[0]).toMatchObject({ method: "POST", url: "/token?x=1", body: "a=b+c" });
  expect(seen[0]?.headers).toMatchObject({
    host: base.slice(7),
    "x-mine": "1",
    "user-agent": "latchkey",
    "content-type": "application/x-www-form-urlencoded;charset=UTF-8",
  });
});

test("connections are kept and used again", async () => {
  let connections = 0;
  const count = () => {
    connections += 1;
  };
  server.on("connection", count);
  for (let i = 0; i < 20; i += 1) await exchange(base, {}, { egress });
  server.off("connection", count);
  expect(connections).toBeLessThanOrEqual(2);
});

describe("redirects are answers", () => {
  test.each([301, 302, 303, 307, 308])("%i is not followed and nothing is posted again", async (status) => {
    handle = (_request, response) => response.writeHead(status, { location: `${base}/elsewhere` }).end();
    for (const send of [exchange, safeFetch]) {
      const answer = await send(`${base}/token`, { method: "POST", body: "secret", redirect: "follow" }, { egress });
      expect(answer.status).toBe(status);
    }
    expect(seen.map(({ url }) => url)).toEqual(["/token", "/token"]);
  });
});

describe("limits", () => {
  /** The most that any one answer of the last `big` came to before it was cut off. */
  let most = 0;
  const big = (bytes: number): Handle => {
    most = 0;
    return (_request, response) => {
      const chunk = Buffer.alloc(64 * 1024, "x");
      let sent = 0;
      response.on("close", () => {
        most = Math.max(most, sent);
      });
      const more = () => {
        while (sent < bytes) {
          sent += chunk.length;
          if (!response.write(chunk)) return response.once("drain", more);
        }
        response.end();
      };
      response.on("error", () => undefined);
      more();
    };
  };

  test("an endless answer of 50 MB ends with a typed error and flat memory", async () => {
    handle = big(50 * 1024 * 1024);
    await kindOf(exchange(base, {}, { egress }));
    const before = process.memoryUsage().rss;
    for (let i = 0; i < 10; i += 1) {
      expect(await kindOf(exchange(base, {}, { egress }))).toBe("too_large");
      expect(await kindOf(safeFetch(base, {}, { egress }).then((response) => readLimited(response)))).toBe("too_large");
    }
    // What the kernel had room for has left the server, too.
    expect(most).toBeLessThan(25 * 1024 * 1024);
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 * 1024);
  });

  test("an announced length is believed when it is too large", async () => {
    handle = (_request, response) => response.writeHead(200, { "content-length": 10 ** 9 }).write("x");
    expect(await kindOf(exchange(base, {}, { egress }))).toBe("too_large");
    expect(await kindOf(safeFetch(base, {}, { egress }).then((response) => readLimited(response)))).toBe("too_large");
  });

  test("exactly the limit is fine, one more is not", async () => {
    handle = (_request, response) => response.end(Buffer.alloc(1000));
    expect((await exchange(base, {}, { egress, maxBytes: 1000 })).body).toHaveLength(1000);
    expect(await kindOf(exchange(base, {}, { egress, maxBytes: 999 }))).toBe("too_large");
  });

  test.each([
    ["gzip", gzipSync(Buffer.alloc(100 * 1024 * 1024))],
    ["deflate", deflateSync(Buffer.alloc(100 * 1024 * 1024))],
    ["br", brotliCompressSync(Buffer.alloc(100 * 1024 * 1024))],
  ] as const)("a %s bomb", async (coding, bomb) => {
    handle = (_request, response) => response.writeHead(200, { "content-encoding": coding }).end(bomb);
    const before = process.memoryUsage().rss;
    for (const limits of [{}, { maxBytes: 10 ** 7, maxInflated: 2 * 10 ** 7 }]) {
      expect(await kindOf(exchange(base, {}, { egress, ...limits }))).toBe("too_large");
      const streamed = safeFetch(base, {}, { egress }).then((response) => readLimited(response, limits));
      expect(await kindOf(streamed)).toBe("too_large");
    }
    expect(process.memoryUsage().rss - before).toBeLessThan(90 * 1024 * 1024);
  });

  test("what inflates to more than a hundred times its size, within every other limit", async () => {
    const body = gzipSync(Buffer.alloc(1_000_000));
    handle = (_request, response) => response.writeHead(200, { "content-encoding": "gzip" }).end(body);
    expect(await kindOf(exchange(base, {}, { egress, maxBytes: 10 ** 7 }))).toBe("too_large");
    expect((await exchange(base, {}, { egress, maxBytes: 10 ** 7, ratio: 10_000 })).body).toHaveLength(1_000_000);
  });

  test.each(["Host", "content-length", "Transfer-Encoding", "connection"])(
    "a header %s of the caller's",
    async (name) => {
      handle = (_request, response) => response.end("reached");
      expect(await kindOf(exchange(base, { headers: { [name]: "1" } }, { egress }))).toBe("blocked");
    },
  );

  test("headers of more than 32 KB", async () => {
    handle = (_request, response) => response.writeHead(200, { "x-long": "y".repeat(40_000) }).end();
    expect(await kindOf(exchange(base, {}, { egress }))).toBe("unknown");
  });

  test("what nobody reads is not fetched", async () => {
    handle = big(50 * 1024 * 1024);
    const before = process.memoryUsage().rss;
    const response = await safeFetch(base, {}, { egress });
    await new Promise((done) => setTimeout(done, 300));
    expect(process.memoryUsage().rss - before).toBeLessThan(30 * 1024 * 1024);
    await response.body?.return();
  });
});

describe("encodings", () => {
  const text = JSON.stringify({ access_token: "t".repeat(300) });
  test.each([
    ["gzip", gzipSync(text)],
    ["deflate", deflateSync(text)],
    ["deflate", deflateRawSync(text)],
    ["br", brotliCompressSync(text)],
    ["identity", Buffer.from(text)],
    [" GZIP ", gzipSync(text)],
  ] as const)("%s", async (coding, body) => {
    handle = (_request, response) => response.writeHead(200, { "content-encoding": coding }).end(body);
    const answer = await exchange(base, {}, { egress });
    expect(answer.body.toString()).toBe(text);
    expect(answer.headers["content-encoding"]).toBeUndefined();
    expect((await readLimited(await safeFetch(base, {}, { egress }))).toString()).toBe(text);
  });

  test.each([
    ["gzip", Buffer.from("not gzip")],
    ["gzip", gzipSync(text).subarray(0, 30)],
    ["zstd", Buffer.from(text)],
    ["gzip, gzip", gzipSync(gzipSync(text))],
  ])("%s that cannot be undone", async (coding, body) => {
    handle = (_request, response) => response.writeHead(200, { "content-encoding": coding }).end(body);
    expect(await kindOf(exchange(base, {}, { egress }))).toBe("bad_body");
  });
});

describe("what is known about the sending", () => {
  test("half an answer, in every way it can be cut", async () => {
    for (const head of [
      { "content-length": 100 },
      { "transfer-encoding": "chunked" },
      { "content-length": 100, "content-encoding": "gzip" },
    ]) {
      handle = (_request, response) => {
        response.writeHead(200, head);
        response.write("half");
        setTimeout(() => response.destroy(), 20);
      };
      expect(await kindOf(exchange(base, { method: "POST", body: "x" }, { egress }))).toBe("unknown");
      const streamed = safeFetch(base, { method: "POST", body: "x" }, { egress }).then((response) =>
        readLimited(response),
      );
      expect(await kindOf(streamed)).toBe("unknown");
    }
  });

  test("no answer: closed after reading, closed at once, garbage", async () => {
    handle = (_request, response) => response.destroy();
    expect(await kindOf(exchange(base, { method: "POST", body: "x" }, { egress }))).toBe("unknown");
    for (const rudeness of ["", "garbage\r\n\r\n", "HTTP/1.1 abc\r\n\r\n"]) {
      const rude = createTcpServer((socket) => {
        socket.on("error", () => socket.destroy());
        if (rudeness === "") socket.destroy();
        else socket.once("data", () => socket.end(rudeness));
      });
      const port = await listening(rude);
      expect(await kindOf(exchange(`http://127.0.0.1:${port}`, { method: "POST", body: "x" }, { egress }))).toBe(
        "unknown",
      );
      rude.close();
    }
  });

  test("a late answer is waited for; a deadline asked for is kept", async () => {
    handle = (_request, response) => setTimeout(() => response.end("late"), 300);
    expect((await exchange(base, {}, { egress })).body.toString()).toBe("late");
    handle = () => undefined;
    expect(await kindOf(exchange(base, {}, { egress, headersTimeoutMs: 200 }))).toBe("unknown");
    handle = (_request, response) => void response.write("x");
    expect(await kindOf(exchange(base, {}, { egress, bodyTimeoutMs: 200 }))).toBe("unknown");
  });

  test("a body that drips is given up as too slow, one that keeps the rate is not, nor one nobody reads (SS-7)", async () => {
    const sockets: { destroyed: boolean }[] = [];
    const drip = (bytes: number, everyMs: number, pieces: number) => {
      handle = (_request, response) => {
        sockets.push(response);
        let left = pieces;
        const timer = setInterval(() => {
          if (response.destroyed) clearInterval(timer);
          else if (left-- > 0) response.write("x".repeat(bytes));
          else {
            clearInterval(timer);
            response.end();
          }
        }, everyMs);
      };
    };
    drip(1, 20, 300);
    expect(await kindOf(exchange(base, {}, { egress, slowAfterMs: 200 }))).toBe("too_slow");
    expect(await kindOf(safeFetch(base, {}, { egress, slowAfterMs: 200 }).then((answer) => readLimited(answer)))).toBe(
      "too_slow",
    );
    for (let n = 0; n < 100 && !sockets.every((one) => one.destroyed); n++)
      await new Promise((done) => setTimeout(done, 20));
    expect(sockets.every((one) => one.destroyed)).toBe(true);
    drip(4_096, 20, 80);
    expect((await exchange(base, {}, { egress, slowAfterMs: 200, maxBytes: 1_000_000 })).body).toHaveLength(80 * 4_096);
    drip(65_536, 1, 60);
    const unread = await safeFetch(base, {}, { egress, slowAfterMs: 200 });
    await new Promise((done) => setTimeout(done, 1_500));
    expect(await readLimited(unread, { maxBytes: 10_000_000 })).toHaveLength(60 * 65_536);
  });

  test("headers over 32 KB, and headers without end, are no answer (SS-7)", async () => {
    handle = (_request, response) => void response.writeHead(200, { "x-long": "y".repeat(40 * 1024) }).end("no");
    expect(await kindOf(exchange(base, {}, { egress }))).toBe("unknown");
    let sent = 0;
    const endless = createTcpServer((socket) => {
      socket.on("error", () => socket.destroy());
      socket.write("HTTP/1.1 200 OK\r\n");
      const timer = setInterval(() => {
        if (socket.destroyed) clearInterval(timer);
        else socket.write(`x-${sent++}: ${"y".repeat(1_000)}\r\n`);
      }, 1);
    });
    const port = await listening(endless);
    expect(await kindOf(exchange(`http://127.0.0.1:${port}`, {}, { egress }))).toBe("unknown");
    endless.close();
  });

  test("connection refused, and a server that does not speak TLS", async () => {
    const closed = createTcpServer();
    const port = await listening(closed);
    await new Promise((done) => closed.close(done));
    expect(await kindOf(exchange(`http://127.0.0.1:${port}`, { method: "POST", body: "x" }, { egress }))).toBe(
      "not_sent",
    );
    const https = `https://127.0.0.1:${new URL(base).port}`;
    expect(await kindOf(exchange(https, { method: "POST", body: "x" }, { egress }))).toBe("not_sent");
    expect(seen).toHaveLength(0);
  });

  test("a process that stands still while it connects does not blame the other side", async () => {
    const hasty = new Egress({ allow: ["localhost"], connectTimeoutMs: 1_000 });
    standStill("connecting", 1_200);
    expect(await kindOf(exchange(base, {}, { egress: hasty }))).toBe("answered");
    await hasty.close();

    const still = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_200);
    const resolve = async () => {
      still();
      return ["127.0.0.1"];
    };
    const named = new Egress({ allow: ["slow.test"], resolve, connectTimeoutMs: 1_000 });
    standStill("connecting", 50);
    expect(await kindOf(exchange(base.replace("127.0.0.1", "slow.test"), {}, { egress: named }))).toBe("answered");
    await named.close();
  });

  test("silence during TLS ends by itself", async () => {
    const silent = createTcpServer((socket) => socket.on("error", () => socket.destroy()));
    const port = await listening(silent);
    const hasty = new Egress({ allow: ["localhost"], tlsTimeoutMs: 100 });
    expect(await kindOf(exchange(`https://127.0.0.1:${port}`, {}, { egress: hasty }))).toBe("not_sent");
    silent.close();
    await hasty.close();
  });

  test("given up before sending: not_sent, and truly nothing arrives; after sending: unknown", async () => {
    const before = new AbortController();
    before.abort();
    expect(await kindOf(exchange(base, { signal: before.signal }, { egress }))).toBe("not_sent");

    const during = new AbortController();
    setTimeout(() => during.abort(), 20);
    const url = base.replace("127.0.0.1", "slow.test");
    const named = new Egress({
      allow: ["slow.test"],
      resolve: async () => {
        await new Promise((done) => setTimeout(done, 100));
        return ["127.0.0.1"];
      },
    });
    expect(await kindOf(exchange(url, { method: "POST", body: "x" }, { egress: named, signal: during.signal }))).toBe(
      "not_sent",
    );
    await new Promise((done) => setTimeout(done, 250));
    expect(seen).toHaveLength(0);
    expect((await exchange(url, {}, { egress: named })).status).toBe(200);
    await named.close();

    const after = new AbortController();
    handle = () => setTimeout(() => after.abort(), 20);
    expect(await kindOf(exchange(base, { method: "POST", body: "x" }, { egress, signal: after.signal }))).toBe(
      "unknown",
    );
  });

  test("onRequestSent is called when bytes are about to leave, and only then", async () => {
    let sent = 0;
    const onRequestSent = () => {
      sent += 1;
    };
    await exchange(base, {}, { egress, onRequestSent });
    expect(sent).toBe(1);
    await kindOf(exchange("https://10.0.0.1/", {}, { egress, onRequestSent }));
    expect(sent).toBe(1);
  });

  test("errors say nothing of where", async () => {
    const error = await exchange("https://10.0.0.1/secret-path?token=t", {}, { egress }).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ kind: "blocked", message: "The destination could not be reached." });
    expect(`${(error as EgressError).internal}`).not.toMatch(/secret-path|token/);
  });
});

test("the process's own egress takes its list from the settings", async () => {
  forget("egress");
  install("settings", { egressAllow: [new URL(base).host] });
  expect((await exchange(base)).status).toBe(200);
  expect(checkLiteral(base)).toBeNull();
  expect(checkLiteral("http://127.0.0.1:1/")).not.toBeNull();
  await ownEgress().close();
  forget("egress");
  forget("settings");
});

test("oauth4webapi takes it for its fetch: success, OAuth error, half an answer", async () => {
  const as = { issuer: base, token_endpoint: `${base}/token` };
  const client = { client_id: "c" };
  const send = async () => {
    const response = await oauth.refreshTokenGrantRequest(as, client, oauth.ClientSecretPost("s"), "rt", {
      [oauth.customFetch]: customFetch({ egress }),
      [oauth.allowInsecureRequests]: true,
    });
    return oauth.processRefreshTokenResponse(as, client, response);
  };
  handle = (_request, response) =>
    response
      .writeHead(200, { "content-type": "application/json" })
      .end(JSON.stringify({ access_token: "at", token_type: "bearer", expires_in: 60 }));
  expect(await send()).toMatchObject({ access_token: "at", expires_in: 60 });
  expect(seen[0]?.body).toContain("refresh_token=rt");
  handle = (_request, response) =>
    response.writeHead(400, { "content-type": "application/json" }).end('{"error":"invalid_grant"}');
  await expect(send()).rejects.toMatchObject({ error: "invalid_grant", status: 400 });
  handle = (_request, response) =>
    response.writeHead(200, { "content-length": 50 }).write("{", () => response.destroy());
  expect(await kindOf(send())).toBe("unknown");
});

test("the light response behaves as a Response does", async () => {
  handle = (_request, response) =>
    response.writeHead(201, { "content-type": "text/plain", "set-cookie": ["a=1", "b=2"] }).end("ä");
  const get = () => customFetch({ egress })(base);
  const response = await get();
  expect(response).toMatchObject({ ok: true, status: 201, statusText: "Created", bodyUsed: false, redirected: false });
  expect(response.headers.getSetCookie()).toEqual(["a=1", "b=2"]);
  expect(await response.clone().text()).toBe("ä");
  expect(await response.text()).toBe("ä");
  expect(response.bodyUsed).toBe(true);
  await expect(response.text()).rejects.toThrow(TypeError);
  expect(() => response.clone()).toThrow(TypeError);
  expect(new Uint8Array(await (await get()).arrayBuffer())).toEqual(new Uint8Array([0xc3, 0xa4]));
  expect(await new Response((await get()).body).text()).toBe("ä");
  expect(Buffer.from(await (await get()).bytes()).toString()).toBe("ä");
});
