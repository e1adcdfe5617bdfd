import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { Agent, request as httpRequest, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { beforeAll, describe, expect, test } from "vitest";
import { useOAuthWorld } from "@/lib/testing/oauth-world";
import { PLAIN, useOutboundWorld } from "@/lib/testing/outbound-world";

/** Bodies that pass through: sent once more after a 401 where they are small, streaming both ways whatever their size. */
const world = useOAuthWorld();
const passing = useOutboundWorld(world);
const { apiKey, oauth2, audit, ask } = passing;
let host: string;
let origin: string;
beforeAll(() => {
  ({ host, origin } = passing);
});

describe("401 with oauth2", () => {
  /** Reads the request and answers the first token with 401. */
  const refuse = (old: string, bodies: string[] = []) => {
    passing.respond = async (request, response) => {
      let text = "";
      for await (const chunk of request) text += chunk;
      bodies.push(text);
      response.setHeader("x-latchkey-token", "theirs");
      if (request.headers.authorization === `Bearer ${old}`) response.writeHead(401).end("old");
      else response.end("new");
    };
  };
  async function* chunked(text: string) {
    yield Buffer.from(text.slice(0, 5));
    yield Buffer.from(text.slice(5));
  }

  test.each([
    ["without a body", {}],
    ["with a body of known length", { method: "POST", body: "sent twice" }],
    ["with 64 KB", { method: "PUT", body: "x".repeat(65_536) }],
    ["with a body in chunks", { method: "POST", body: chunked("sent twice"), duplex: "half" }],
  ])("%s: one refresh and one more try with all of it", async (_what, init) => {
    const secret = await oauth2();
    const bodies: string[] = [];
    refuse(secret.accessToken, bodies);
    const answer = await ask(secret.id, "/", init as RequestInit);
    expect([answer.status, await answer.text()]).toEqual([200, "new"]);
    expect(answer.headers.get("x-latchkey-token")).toBeNull();
    expect(world.idp.refreshCalls()).toHaveLength(1);
    expect(bodies).toHaveLength(2);
    expect(bodies[1]).toBe(bodies[0]);
    expect(passing.seen[1]?.headers["content-length"]).toBe("body" in init ? String(bodies[0]?.length) : undefined);
    expect(await audit(secret.id)).toMatchObject([{ outcome: "allowed" }, { outcome: "allowed" }]);
  });

  test.each([
    ["known length", { body: "x".repeat(65_537) }],
    ["chunks", { body: chunked("x".repeat(65_537)), duplex: "half" }],
  ])("more than 64 KB of %s: one refresh, and the 401 says so", async (_what, init) => {
    const secret = await oauth2();
    refuse(secret.accessToken);
    const answer = await ask(secret.id, "/", { method: "POST", ...init } as RequestInit);
    expect([answer.status, await answer.text()]).toEqual([401, "old"]);
    expect(answer.headers.get("x-latchkey-token")).toBe("renewed");
    expect(world.idp.refreshCalls()).toHaveLength(1);
    // What was not sent again was not used again.
    expect(await audit(secret.id)).toHaveLength(1);
    refuse(secret.accessToken);
    expect(await (await ask(secret.id, "/", { method: "POST", body: "x".repeat(65_537) })).text()).toBe("new");
  });

  test("no newer token to be had, or none that could help: the 401 alone", async () => {
    const secret = await oauth2({ offline: false });
    const body = "x".repeat(65_537);
    passing.respond = (request, response) => void request.resume().on("end", () => response.writeHead(401).end("no"));
    for (const id of [secret.id, await apiKey()])
      for (const init of [{}, { method: "POST", body: "small" }, { method: "POST", body }]) {
        const answer = await ask(id, "/", init);
        expect([answer.status, await answer.text()]).toEqual([401, "no"]);
        expect(answer.headers.get("x-latchkey-token")).toBeNull();
      }
    expect(passing.seen).toHaveLength(6);
  });

  test("a destination that answers before the body has come, or goes away: the socket serves the next request", async () => {
    const secret = await oauth2();
    const body = "x".repeat(3_000_000);
    passing.respond = (request, response) => {
      request.resume();
      response.writeHead(401).end("early");
    };
    expect((await ask(secret.id, "/", { method: "POST", body })).status).toBe(401);
    expect(world.idp.refreshCalls()).toHaveLength(1);
    passing.respond = (request) => void request.socket.destroy();
    expect((await ask(secret.id, "/", { method: "POST", body })).status).toBe(424);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const path = `/outbound/${secret.id}/${host}/`;
    const statuses: (number | undefined)[] = [];
    for (const sent of [body, ""]) {
      const request = httpRequest(origin, {
        agent,
        path,
        method: "POST",
        headers: { ...world.task.basic, ...PLAIN },
      });
      request.end(sent);
      const [answer] = (await once(request, "response")) as [IncomingMessage];
      statuses.push(answer.statusCode);
      await answer.resume().toArray();
      passing.respond = (next, response) => void next.resume().on("end", () => response.end("fine"));
    }
    agent.destroy();
    expect(statuses).toEqual([424, 200]);
  });
});

test.each([
  ["in one piece with its head", 0],
  ["in two pieces", 3],
])("a small body that comes %s arrives whole, and the socket serves the next request", async (_what, cut) => {
  const bodies: string[] = [];
  passing.respond = async (request, response) => {
    bodies.push(Buffer.concat(await request.toArray()).toString());
    response.end("fine");
  };
  const body = "a small body";
  const head = [
    `POST /outbound/${await apiKey()}/${host}/ HTTP/1.1`,
    `Host: ${new URL(origin).host}`,
    `Authorization: ${new Headers(world.task.basic).get("authorization")}`,
    "X-Latchkey-Scheme: http",
    `Content-Length: ${body.length}`,
    "",
    "",
  ].join("\r\n");
  const socket = connect(Number(new URL(origin).port), "127.0.0.1");
  let answers = "";
  socket.on("data", (text) => {
    answers += text;
  });
  const count = () => answers.split("fine").length - 1;
  for (let round = 1; round <= 2; round++) {
    socket.write(head + body.slice(0, cut || undefined));
    if (cut > 0) {
      await new Promise((resolve) => setTimeout(resolve, 30));
      socket.write(body.slice(cut));
    }
    while (count() < round) await once(socket, "data");
  }
  socket.destroy();
  expect(bodies).toEqual([body, body]);
  expect(answers).toMatch(/^HTTP\/1\.1 200 /);
});

describe("bodies stream", () => {
  const MB = 1024 * 1024;
  const MEGABYTES = Number(process.env.LATCHKEY_STREAM_MB ?? 64);

  /** Highest memory outside the heap while `work` runs, in MB above what there was before. */
  async function growth(work: () => Promise<void>): Promise<number> {
    const now = () => process.memoryUsage().rss / MB;
    const before = now();
    let most = before;
    const watch = setInterval(() => {
      most = Math.max(most, now());
    }, 20);
    await work();
    clearInterval(watch);
    return most - before;
  }

  test(`${MEGABYTES} MB down through memory that stays flat, with a slow reader`, async () => {
    const id = await apiKey();
    const piece = randomBytes(MB);
    let written = 0;
    let most = 0;
    let read = 0;
    passing.respond = async (_request, response) => {
      for (written = 0; written < MEGABYTES && !response.destroyed; written++) {
        most = Math.max(most, written - read / MB);
        if (!response.write(piece)) await once(response, "drain");
      }
      response.end();
    };
    const grown = await growth(async () => {
      const answer = await ask(id);
      for await (const chunk of answer.body as unknown as AsyncIterable<Uint8Array>) {
        const before = read;
        read += chunk.byteLength;
        // Slow at first: what is not read must stay with the API.
        if (Math.floor(before / MB) !== Math.floor(read / MB) && read < 8 * MB)
          await new Promise((r) => setTimeout(r, 50));
      }
    });
    expect(read).toBe(MEGABYTES * MB);
    // Sockets' own buffers hold a few; nobody holds the rest.
    expect(most).toBeLessThan(44);
    console.info(
      `${MEGABYTES} MB down: at most ${Math.round(most)} MB ahead of the reader, RSS +${Math.round(grown)} MB`,
    );
  }, 600_000);

  test(`${MEGABYTES} MB up through memory that stays flat, to a slow API`, async () => {
    const id = await apiKey();
    const piece = randomBytes(MB);
    let sent = 0;
    let read = 0;
    let most = 0;
    passing.respond = async (request, response) => {
      for await (const chunk of request) {
        const before = read;
        read += (chunk as Buffer).length;
        if (Math.floor(before / MB) !== Math.floor(read / MB) && read < 8 * MB)
          await new Promise((r) => setTimeout(r, 50));
      }
      response.end(String(read));
    };
    async function* pieces() {
      for (sent = 0; sent < MEGABYTES; sent++) {
        most = Math.max(most, sent - read / MB);
        yield piece;
      }
    }
    const grown = await growth(async () => {
      const answer = await ask(id, "/", { method: "PUT", body: pieces() as never, duplex: "half" } as RequestInit);
      expect([answer.status, await answer.text()]).toEqual([200, String(MEGABYTES * MB)]);
    });
    expect(most).toBeLessThan(44);
    console.info(`${MEGABYTES} MB up: at most ${Math.round(most)} MB ahead of the API, RSS +${Math.round(grown)} MB`);
  }, 600_000);
});
