import { connect } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { newId } from "@/lib/ids";
import { makePerson, makePlace, OWNER, type Person } from "@/lib/testing/callers";
import { useDatabase } from "@/lib/testing/database";
import { allRoutes } from "@/lib/testing/routes";
import { Random } from "@/lib/testing/simulation/random";
import { wrongWith } from "./judge";
import { listenWith } from "./server";

/** C15, the bytes below HTTP: what is no request, half a request, or two requests to one reader and one to another. */
useDatabase();
let listening: Awaited<ReturnType<typeof listenWith>>;
let person: Person;
let workspaceId: string;
const unhandled: unknown[] = [];
const note = (reason: unknown) => void unhandled.push(reason);

beforeAll(async () => {
  process.on("unhandledRejection", note).on("uncaughtException", note);
  listening = await listenWith(await allRoutes());
  const place = await makePlace();
  workspaceId = place.workspaceId;
  person = await makePerson(place, OWNER);
});
afterAll(async () => {
  process.off("unhandledRejection", note).off("uncaughtException", note);
  await listening.close();
});

interface Part {
  status: number;
  contentType: string;
  text: string;
  close: boolean;
}

/** A client that hangs up at once gets no answer, so it waits until nothing has come for a while. */
const QUIET_MS = 300;

/** Sends the bytes and reads what comes, until the server ends it or, if `hangUp`, until nothing more comes. */
function send(bytes: Buffer | string, hangUp = true): Promise<Buffer> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const socket = connect(listening.port, "127.0.0.1");
    let quiet: NodeJS.Timeout | undefined;
    const wait = () => {
      clearTimeout(quiet);
      if (hangUp) quiet = setTimeout(() => socket.end(), QUIET_MS);
    };
    socket.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      wait();
    });
    socket.on("error", () => undefined); // Reset by the server: what came before is the answer.
    socket.on("close", () => {
      clearTimeout(quiet);
      resolve(Buffer.concat(chunks));
    });
    socket.write(bytes, wait);
  });
}

/** Every answer among the bytes; throws when they are anything else. */
function answersIn(bytes: Buffer): Part[] {
  const found: Part[] = [];
  let rest = bytes.toString("latin1");
  while (rest !== "") {
    const head = /^HTTP\/1\.1 (\d{3}) [^\r\n]*\r\n((?:[!-~]+:[^\r\n]*\r\n)*)\r\n/.exec(rest);
    if (!head) throw new Error(`No answer of HTTP: ${rest.slice(0, 200)}`);
    const header = (name: string) => new RegExp(`^${name}: *(.*)$`, "im").exec(head[2] ?? "")?.[1]?.trim();
    rest = rest.slice(head[0].length);
    let text = "";
    if (header("transfer-encoding") === "chunked") {
      for (;;) {
        const size = /^([0-9a-f]+)\r\n/i.exec(rest);
        if (!size) throw new Error(`No chunk: ${rest.slice(0, 200)}`);
        const length = Number.parseInt(size[1] as string, 16);
        text += rest.slice(size[0].length, size[0].length + length);
        rest = rest.slice(size[0].length + length + 2);
        if (length === 0) break;
      }
    } else {
      // Without a length it goes on to the end, as to a reader of HTTP/1.0.
      const length = Number(header("content-length") ?? (head[1] === "100" || head[1] === "204" ? 0 : rest.length));
      text = rest.slice(0, length);
      rest = rest.slice(length);
    }
    const close = header("connection") === "close";
    if (head[1] !== "100")
      found.push({ status: Number(head[1]), contentType: header("content-type") ?? "", text, close });
  }
  return found;
}

function judge(what: string, bytes: Buffer): Part[] {
  const answers = answersIn(bytes);
  for (const [i, part] of answers.entries()) {
    expect(wrongWith("GET", "/v2/x", part), `${what}: ${JSON.stringify(part)}`).toBeNull();
    expect(part.close && i < answers.length - 1, `${what}: bytes behind the last answer`).toBe(false);
  }
  return answers;
}

const me = () => `authorization: ${person.basic.authorization}`;
const base = () => `host: x\r\n${me()}`;
const get = (more = "") => `GET /v2/users/me HTTP/1.1\r\n${base()}\r\n${more}\r\n`;
const hot = () => `/v2/workspaces/${workspaceId}/secrets/${newId()}`;
/** Would make a workspace's key if it were ever taken for a request. */
const hidden = (name: string) => {
  const body = JSON.stringify({ data: { type: "api-key", attributes: { name } } });
  return `POST /v2/users/me/api-keys HTTP/1.1\r\n${base()}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
};
const keysNamed = async (name: string) => {
  const [list] = judge(
    "list",
    await send(`GET /v2/users/me/api-keys HTTP/1.1\r\n${base()}\r\nconnection: close\r\n\r\n`, false),
  );
  return list?.text.includes(name) === true;
};

test("what could be two requests to one reader and one to another is refused, and the rest of the connection with it", async () => {
  const forms: Record<string, string> = {
    "CL.TE": `content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
    "TE.CL": `transfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n0\r\n\r\n`,
    "two lengths": "content-length: 0\r\ncontent-length: 5\r\n\r\n",
    "a list of lengths": "content-length: 0, 5\r\n\r\n",
    "a negative length": "content-length: -1\r\n\r\n",
    "a signed length": "content-length: +0\r\n\r\n",
    "a hexadecimal length": "content-length: 0x5\r\n\r\n",
    "a huge length": `content-length: ${"9".repeat(40)}\r\n\r\n`,
    "an obscured coding": "transfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
    "a coding after chunked": "transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "two codings": "transfer-encoding: chunked\r\ntransfer-encoding: x\r\n\r\n0\r\n\r\n",
    "a space before the colon": "transfer-encoding : chunked\r\n\r\n0\r\n\r\n",
    "a folded header": "x: y\r\n transfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "a bare line feed": "x: y\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "a bare carriage return": "x: y\rtransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "NUL in a header": "x: \u0000\r\n\r\n",
    "a size that is none": "transfer-encoding: chunked\r\n\r\nz\r\n\r\n",
    "a size with an extension over lines": "transfer-encoding: chunked\r\n\r\n0;a\nb\r\n\r\n",
    "a huge chunk": "transfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n\r\n",
    "a chunk that is longer than it says": "transfer-encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n",
    "extensions without end": `transfer-encoding: chunked\r\n\r\n1;${"a".repeat(40_000)}\r\na\r\n0\r\n\r\n`,
  };
  const tries = ["/v2/users/me/api-keys", `${hot()}/refresh`].flatMap((path) =>
    Object.entries(forms).map(([form, tail]) => ({ path, form, tail })),
  );
  await Promise.all(
    tries.map(async ({ path, form, tail }) => {
      const line = `POST ${path} HTTP/1.1\r\n${base()}\r\ncontent-type: application/json`;
      const answers = judge(form, await send(`${line}\r\n${tail}${hidden(`smuggled ${form}`)}`));
      // Refresh takes any body (CONTRACT section 8), so a request of two lengths could only be refused for its form.
      expect(answers.length, form).toBe(1);
      expect(answers[0]?.status, form).toBeGreaterThanOrEqual(400);
    }),
  );
  expect(await keysNamed("smuggled")).toBe(false);
}, 60_000);

test("broken HTTP gets one answer of HTTP, or none, and never another's", async () => {
  const forms = [
    "",
    "\r\n\r\n",
    "GET\r\n\r\n",
    "GET / HTTP/9.9\r\n\r\n",
    "GET / HTTP/1.0\r\n\r\n",
    "\u0016\u0003\u0001\u0002\u0000\u0001",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "GET http://evil.example/ HTTP/1.1\r\nhost: x\r\n\r\n",
    "CONNECT evil.example:443 HTTP/1.1\r\nhost: x\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n",
    "GET /v2/users/me HTTP/1.1\r\n\r\n",
    "GET /v2/users/me HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
    `GET /${"a".repeat(20_000)} HTTP/1.1\r\nhost: x\r\n\r\n`,
    `GET / HTTP/1.1\r\nhost: x\r\n${"a: b\r\n".repeat(5_000)}\r\n`,
    `GET / HTTP/1.1\r\nhost: x\r\n: y\r\n\r\n`,
    "GET /\u0000 HTTP/1.1\r\nhost: x\r\n\r\n",
    "GET /v2/%c0%af HTTP/1.1\r\nhost: x\r\n\r\n",
    "get /v2/users/me HTTP/1.1\r\nhost: x\r\n\r\n",
    "GET /v2/users/me HTTP/1.1\r\nhost: x\r\nexpect: 200-ok\r\n\r\n",
    "GET /v2/users/me HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
    "GET /v2/users/me HTTP/1.1\r\nhost: x\r\nupgrade: h2c\r\nconnection: upgrade, http2-settings\r\n\r\n",
    "POST /v2/users/me/api-keys HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n",
  ];
  await Promise.all(forms.map(async (form) => judge(JSON.stringify(form.slice(0, 80)), await send(form))));
});

test("what follows on one connection: answers in their order, nothing mixed into them, nothing behind the last", async () => {
  const many = judge("pipelined", await send(get().repeat(50) + get("connection: close\r\n"), false));
  expect(many.map(({ status }) => status)).toEqual(Array(51).fill(200));
  for (const garbage of [
    "TRACE /v2/x HTTP/1.1\r\nhost: x\r\n\r\n{}",
    `${get("connection: close\r\n")}\u0001\u0002`,
    `${get()}\u0001\u0002`,
  ])
    judge(garbage.slice(-20), await send(garbage));
});

test("bytes by chance, and good requests with one byte changed", async () => {
  const random = new Random(Number(process.env.LATCHKEY_FUZZ_SEED ?? 15));
  const rounds = Math.max(300, Math.floor(Number(process.env.LATCHKEY_FUZZ_REQUESTS ?? 0) / 50));
  const seeds = [get(), hidden("by chance"), `GET ${hot()}/token HTTP/1.1\r\n${base()}\r\n\r\n`];
  for (let i = 0; i < rounds; i += 50)
    await Promise.all(
      Array.from({ length: 50 }, async () => {
        const bytes = random.chance(0.2)
          ? Buffer.from(Array.from({ length: random.skewed(1, 2_000) }, () => random.between(0, 255)))
          : Buffer.from(random.pick(seeds));
        for (let n = random.skewed(1, 8); n > 0; n--)
          bytes[random.between(0, bytes.length - 1)] = random.between(0, 255);
        judge(JSON.stringify(bytes.toString("latin1")), await send(bytes));
      }),
    );
}, 60_000);

test("afterwards it answers as before, and nothing went unhandled", async () => {
  expect(judge("well", await send(get("connection: close\r\n"), false))[0]?.status).toBe(200);
  expect(unhandled).toEqual([]);
});
