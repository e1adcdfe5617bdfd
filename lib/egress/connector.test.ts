import { createServer, type Server } from "node:net";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { EgressError } from "@/lib/egress/egress-error";
import { Egress, exchange } from "@/lib/egress/safe-fetch";
import { FORBIDDEN_HOSTS as corpus, resolveForbidden as resolve } from "@/lib/testing/forbidden-hosts";

/** Nobody may connect here. It counts TCP connections, so TLS or not makes no difference. */
let canary: Server;
let port = 0;
let hits = 0;
const opened: Egress[] = [];

beforeAll(async () => {
  canary = createServer((socket) => {
    hits += 1;
    socket.on("error", () => socket.destroy());
    socket.destroy();
  });
  await new Promise<void>((done) => canary.listen(0, "::", done));
  port = (canary.address() as { port: number }).port;
});
afterAll(() => canary.close());
afterEach(async () => {
  await Promise.all(opened.splice(0).map((one) => one.close()));
  hits = 0;
});

function made(options: ConstructorParameters<typeof Egress>[0]): Egress {
  const one = new Egress({ ports: [443, 80, 8443, port], ...options });
  opened.push(one);
  return one;
}

async function failure(url: string, egress: Egress): Promise<EgressError> {
  return exchange(url, { method: "POST", body: "client_secret=x" }, { egress }).then(
    () => {
      throw new Error(`${url} answered`);
    },
    (error: EgressError) => error,
  );
}

test("over 150 spellings of places nobody may reach: no connection at the canary", async () => {
  expect(corpus.length).toBeGreaterThan(150);
  const egress = made({ resolve });
  for (const host of corpus)
    for (const scheme of ["https", "http"]) {
      const error = await failure(`${scheme}://${host}:${port}/token`, egress);
      expect([host, error.kind]).toEqual([host, expect.stringMatching(/^(blocked|not_sent)$/)]);
      expect(error.message).toBe("The destination could not be reached.");
      expect(error.message + error.public).not.toMatch(/\d/);
    }
  expect(hits).toBe(0);
});

test("the canary is alive: listed, the same spellings reach it", async () => {
  const egress = made({ resolve, allow: ["localhost"] });
  for (const host of [
    "127.0.0.1",
    "2130706433",
    "0x7f.1",
    "[::1]",
    "[::ffff:7f00:1]",
    "localhost",
    "localhost.",
    "private.test",
  ])
    await failure(`http://${host}:${port}/token`, egress);
  expect(hits).toBeGreaterThanOrEqual(8);
});

test("a rebinding name gains nothing: what was checked is what is connected to", async () => {
  // Public when asked first, this machine afterwards, and the other way round, for a thousand connections.
  let asked = 0;
  const egress = made({
    resolve: async () => {
      asked += 1;
      return asked % 2 ? ["192.0.2.1", "127.0.0.1"] : ["127.0.0.1"];
    },
  });
  for (let i = 0; i < 1000; i += 1)
    expect((await failure(`https://rebind.test:${port}/`, egress)).kind).toBe("blocked");
  expect(asked).toBe(1000);
  expect(hits).toBe(0);
});

test("each new connection is judged again, and never with a second look-up behind the check", async () => {
  const answers = [["127.0.0.1"], ["10.0.0.1"], ["169.254.169.254"], ["127.0.0.1"]];
  let asked = 0;
  const egress = made({
    allow: [`127.0.0.1:${port}`],
    resolve: async () => answers[asked++] ?? [],
  });
  const kinds: string[] = [];
  for (let i = 0; i < 4; i += 1) kinds.push((await failure(`http://rebind.test:${port}/`, egress)).kind);
  expect(kinds).toEqual(["unknown", "blocked", "blocked", "unknown"]);
  expect(asked).toBe(4);
  expect(hits).toBe(2);
});

test("concurrent connections ask for a name once", async () => {
  let asked = 0;
  const egress = made({
    allow: ["localhost"],
    resolve: async () => {
      asked += 1;
      await new Promise((done) => setTimeout(done, 20));
      return ["127.0.0.1"];
    },
  });
  await Promise.all(Array.from({ length: 20 }, () => failure(`http://many.test:${port}/`, egress)));
  expect(hits).toBe(20);
  expect(asked).toBe(1);
});

test("a resolver that fails, hangs or lies: nothing is sent", async () => {
  const fails = made({ resolve: () => Promise.reject(new Error("SERVFAIL")) });
  expect((await failure(`https://x.test:${port}/`, fails)).kind).toBe("not_sent");
  const hangs = made({ resolve: () => new Promise(() => undefined), connectTimeoutMs: 50 });
  expect((await failure(`https://x.test:${port}/`, hangs)).kind).toBe("not_sent");
  const lies = made({ allow: ["x.test"], resolve: async () => ["localhost"] });
  expect((await failure(`https://x.test:${port}/`, lies)).kind).toBe("blocked");
  const empty = made({ resolve: async () => [] });
  expect((await failure(`https://x.test:${port}/`, empty)).kind).toBe("blocked");
  expect(hits).toBe(0);
});

test("schemes, ports and headers that are not ours to send", async () => {
  const egress = made({ allow: ["localhost"], resolve });
  for (const url of ["ftp://localhost/", "file:///etc/passwd", "data:,x", "no url", "https://", "ws://localhost/"])
    expect((await failure(url, egress)).kind).toBe("blocked");
  for (const name of ["Host", "transfer-encoding", "Connection", "content-length", "upgrade"]) {
    const sent = exchange(`http://localhost:${port}/`, { headers: { [name]: "x" } }, { egress });
    await expect(sent).rejects.toMatchObject({ kind: "blocked" });
  }
  for (const value of ["a\r\nx: y", "a\0b", "a\nb"]) {
    const sent = exchange(`http://localhost:${port}/`, { headers: { "x-y": value } }, { egress });
    await expect(sent).rejects.toMatchObject({ kind: "not_sent" });
  }
  const usual = new Egress({ resolve: async () => ["8.8.8.8"] });
  opened.push(usual);
  expect((await failure("https://idp.test:22/", usual)).internal).toMatch(/port 22/);
  expect((await failure("http://idp.test/", usual)).internal).toMatch(/plain http/);
  expect(hits).toBe(0);
});

test("a proxy in the environment is ignored", async () => {
  const names = ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY"];
  const before = names.map((name) => process.env[name]);
  for (const name of names) process.env[name] = `http://127.0.0.1:${port}`;
  try {
    const egress = made({ resolve: async () => ["127.0.0.1"] });
    await failure("https://idp.test/", egress);
    expect(hits).toBe(0);
  } finally {
    names.forEach((name, i) => {
      if (before[i] === undefined) delete process.env[name];
      else process.env[name] = before[i];
    });
  }
});
