import { beforeAll, describe, expect, test } from "vitest";
import { POST as REQUEST } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/request/route";
import { PATCH } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/route";
import { POST as CREATE } from "@/app/v2/workspaces/[workspaceId]/secrets/route";
import { makePerson, makePlace, makeTask, OWNER, type Place } from "@/lib/testing/callers";
import { type Answer, call } from "@/lib/testing/http";
import { useOAuthWorld } from "@/lib/testing/oauth-world";
import { useRecordingApi } from "@/lib/testing/recording-api";

/** `{{ name.field }}` in requests with a secret (SECURITY TP-1 to TP-3, PX-1, PX-3, AU-1): the API of a real server on this machine. */
const world = useOAuthWorld();

const api = useRecordingApi();
let host: string;
beforeAll(() => {
  host = api.host;
});

let count = 0;
/** A secret with a name of its own, allowed at the server unless told. */
async function add(
  type: string,
  credentials: Record<string, unknown>,
  more: { name?: string; hosts?: string[]; place?: Place; as?: Record<string, string> } = {},
): Promise<{ id: string; name: string }> {
  const { name = `tp-${++count}`, hosts = [host], place = world.place, as = world.owner.basic } = more;
  const answer = await call(CREATE, {
    method: "POST",
    params: { workspaceId: place.workspaceId },
    as,
    json: { data: { type: "auth-secret", attributes: { name, type, credentials, allowed_hosts: hosts } } },
  });
  expect(answer.status, JSON.stringify(answer.body)).toBe(201);
  return { id: answer.body.data.id, name };
}
const none = () => add("noauth", {});
const basic = (username: string, password: string) => add("basic", { username, password });

const ask = (secretId: string, json: Record<string, unknown>, as = world.task.basic): Promise<Answer> =>
  call(REQUEST, {
    method: "POST",
    params: { workspaceId: world.place.workspaceId, secretId },
    as,
    json: { url: `http://${host}/`, ...json },
  });

const audit = (targetId: string | null) => world.database.owner<Record<string, unknown>[]>`
  select action, outcome, host, target_name, detail from audit_entries
   where target_id is not distinct from ${targetId} and action <> 'secret.answered' order by id`;

const refused = (answer: Answer, pointer: string) => {
  expect(answer.status, JSON.stringify(answer.body)).toBe(400);
  expect(answer.body.errors[0].source.pointer).toBe(pointer);
  expect(api.connections).toBe(0);
  return answer.body.errors[0].detail as string;
};

describe("TP-2: a value is encoded for its place", () => {
  const ODD = 'p/w?a=b&c#d "quoted" \\ %2e ü{{ x.y }}';

  test("in headers as it is, in a URL percent-encoded, in JSON as part of the string", async () => {
    const { name } = await basic("ada", ODD);
    const json = {
      method: "POST",
      url: `http://${host}/v1/{{ ${name}.username }}/x{{${name}.password}}?q={{ ${name}.password }}&r=1`,
      headers: {
        "X-Login": `{{ ${name}.username }}:{{${name}.password}}`,
        "Content-Type": "application/vnd.x+json; charset=utf-8",
      },
      body: `{"big": 12345678901234567890, "login": ["is \\"{{ ${name}.password }}\\"", {"{{ ${name}.username }}": null}], "other": "}}"}`,
    };
    expect((await ask((await none()).id, json)).status).toBe(200);
    const encoded = encodeURIComponent(ODD);
    expect(api.seen[0]?.url).toBe(`/v1/ada/x${encoded}?q=${encoded}&r=1`);
    expect(api.seen[0]?.headers["x-login"]).toBe(`ada:${Buffer.from(ODD, "latin1").toString("latin1")}`);
    expect(String(api.seen[0]?.body)).toContain('{"big": 12345678901234567890, "login": [');
    expect(JSON.parse(String(api.seen[0]?.body)).login).toEqual([`is "${ODD}"`, { ada: null }]);
  });

  test("a name of any characters, compared as names are; escapes of JSON are what they say", async () => {
    const name = `Köln "API" \\ v2.0 ${++count}`;
    await add("api_key", { headerName: "X-Key", headerValue: "key-0123456789" }, { name });
    const quoted = `{{ "${name.toUpperCase().replace(/["\\]/g, "\\$&")}"."headerValue" }}`;
    await ask((await none()).id, {
      method: "POST",
      headers: { "X-A": quoted },
      body: JSON.stringify({ a: quoted }).replace("{{", "\\u007b\\u007B"),
    });
    expect(api.seen[0]?.headers["x-a"]).toBe("key-0123456789");
    expect(String(api.seen[0]?.body)).toBe('{"a":"key-0123456789"}');
  });

  test("each type by what it puts into requests: a header by its name, the access token, a token and never the key", async () => {
    const headers = await add("http_headers", { headers: { "X-One": "first value" } });
    const name = `tp-${++count}`;
    const oauth2 = await world.addSecret({}, { name });
    await call(PATCH, {
      method: "PATCH",
      params: { workspaceId: world.place.workspaceId, secretId: oauth2.id },
      as: world.owner.basic,
      json: { data: { type: "auth-secret", attributes: { allowed_hosts: [host] } } },
    });
    const shared = await add("hs256", { secret: "a shared secret of more than 32 bytes" });
    const { id } = await none();
    await ask(id, {
      headers: {
        "X-A": `{{ ${headers.name}.X-One }}`,
        "X-B": `{{ ${name}.access_token }}`,
        "X-C": `{{ ${shared.name}.token }}`,
      },
    });
    expect(api.seen[0]?.headers).toMatchObject({
      "x-a": "first value",
      "x-b": oauth2.accessToken,
      "x-c": expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
    });
    api.connections = 0;
    for (const field of ["secret", "alg", "kid"])
      refused(await ask(id, { headers: { "X-C": `{{ ${shared.name}.${field} }}` } }), "/headers/X-C");
    refused(await ask(id, { headers: { "X-C": `{{ ${name}.refresh_token }}` } }), "/headers/X-C");
  });

  test.each(["two\r\nX-Evil: 1", "tab\u0001", "snow\u2603"])("a header does not take %j", async (password) => {
    const { name } = await basic("u", password);
    const answer = await ask((await none()).id, { headers: { "X-A": `{{ ${name}.password }}` } });
    refused(answer, "/headers/X-A");
    expect(JSON.stringify(answer.body)).not.toContain("snow");
  });

  test.each(["..", ".", "../../admin", "..\\admin", "%2e%2e", "..;x"])("a path does not take %j", async (password) => {
    const { name } = await basic("u", password);
    const answer = await ask((await none()).id, { url: `http://${host}/v1/{{ ${name}.password }}/x` });
    expect(refused(answer, "/url")).toBe("What a reference stands for cannot be part of this URL.");
    // In a query it is a value like any other.
    expect((await ask((await none()).id, { url: `http://${host}/?q={{ ${name}.password }}` })).status).toBe(200);
    expect(api.seen[0]?.url).toBe(`/?q=${encodeURIComponent(password)}`);
  });

  test("other bodies, bytes and what says so stay as they are", async () => {
    const { id } = await none();
    const text = "Dear {{ name.first }}, {{#if x}}";
    await ask(id, { method: "POST", headers: { "Content-Type": "text/plain" }, body: text });
    await ask(id, { method: "POST", body: text });
    await ask(id, { method: "POST", body_base64: Buffer.from(`{"a":"${text}"}`).toString("base64") });
    const json = { method: "POST", headers: { "X-A": text }, body: `{"a":"${text}"}`, templates: false };
    await ask(id, { ...json, url: `http://${host}/{{x.y}}` });
    expect(api.seen.map(({ body }) => String(body))).toEqual([text, text, `{"a":"${text}"}`, `{"a":"${text}"}`]);
    expect(api.seen[3]).toMatchObject({ url: "/%7B%7Bx.y%7D%7D", headers: { "x-a": text } });
    const large = JSON.stringify({ text: "x".repeat(600_000), n: 1 });
    await ask(id, { method: "POST", body: large });
    expect(String(api.seen[4]?.body)).toBe(large);
  });
});

describe("TP-1: what is no reference is refused before anything is looked up", () => {
  test.each([
    "{{", "{{}}", "{{ }}", "{{ a }}", "{{ a. }}", "{{ .b }}", "{{ a.b.c }}", "{{ a.b() }}", "{{ a.b | upper }}", "{{ a['b'] }}", "{{ a.b + a.b }}",
    "{{ {{ a.b }} }}", "{{{ a.b }}}", "{{ __proto__.x }}", "{{ a.__proto__ }}", "{{ constructor.name }}", "{{ a.constructor }}",
    '{{ "__proto__".x }}', "{{ \\u005f_proto__.x }}", '{{ "\\u0061".b }}', "{{ a.b", "{{ a .b }}", "{{ a\n.b }}", '{{ "a.b }}', "{{ ''.b }}",
  ])("%s", async (text) => {
    const { id } = await none();
    const before = (await audit(id)).length;
    refused(await ask(id, { headers: { "X-A": text } }), "/headers/X-A");
    refused(await ask(id, { url: `http://${host}/${text}` }), "/url");
    refused(await ask(id, { method: "POST", body: JSON.stringify({ a: text }) }), "/body");
    expect(await audit(id)).toHaveLength(before);
  }); // biome-ignore format: one list

  test.each([
    "{{ a.b }}", "{{ a.b }}://x.example/", "https://{{ a.b }}/", "https://x.example:{{ a.b }}/", "https://x.{{ a.b }}", "https://x@{{ a.b }}/",
    "https://x.example{{ a.b }}/", "https://x.example/#{{ a.b }}", "https:///{{ a.b }}", "https:/{{ a.b }}/", "https://x.example/a b{{ a.b }}",
  ])("the URL %s: the host decides who gets a secret", async (url) => {
    refused(await ask((await none()).id, { url }), "/url");
  }); // biome-ignore format: one list

  test("more than fifty references, and a field that every object has", async () => {
    const { name } = await basic("user", "password");
    const { id } = await none();
    const many = Array.from({ length: 51 }, () => `{{ ${name}.username }}`).join("");
    expect((await ask(id, { headers: { "X-A": many } })).status).toBe(400);
    for (const field of ["toString", "hasOwnProperty", "valueOf", "__defineGetter__", "length"])
      refused(await ask(id, { headers: { "X-A": `{{ ${name}.${field} }}` } }), "/headers/X-A");
  });

  test("what a reference stands for is not read again", async () => {
    const inner = await basic("user", "inner-password");
    const outer = await basic("user", `{{ ${inner.name}.password }}`);
    await ask((await none()).id, { headers: { "X-A": `{{ ${outer.name}.password }}` } });
    expect(api.seen[0]?.headers["x-a"]).toBe(`{{ ${inner.name}.password }}`);
  });
});

describe("TP-3, PX-1: whose values", () => {
  test("missing, of another workspace, of another tenant, of no use here: one answer, byte for byte, and on record", async () => {
    const { id } = await none();
    const strangers = await makePlace();
    const stranger = await makePerson(strangers, OWNER);
    const database = {
      host: "db.example.com",
      port: 5432,
      database: "d",
      user: "u",
      password: "a-password",
      tls: "verify-full",
    };
    const names = {
      missing: "tp-xx-1",
      stranger: (
        await add("password", { password: "their value" }, { name: "tp-xx-2", place: strangers, as: stranger.basic })
      ).name,
      login: (await add("postgresql", database, { name: "tp-xx-3", hosts: [] })).name,
      field: (await add("password", { password: "a value" }, { name: "tp-xx-4" })).name,
    };
    const answers = new Set<string>();
    for (const [what, name] of Object.entries(names)) {
      const field = what === "field" ? "passwort" : "password";
      const answer = await ask(id, { headers: { "X-A": `{{ ${name}.${field} }}` } });
      refused(answer, "/headers/X-A");
      const { id: _request, ...error } = answer.body.errors[0];
      answers.add(JSON.stringify(error).replaceAll(name, "NAME").replace(field, "FIELD"));
    }
    expect([...answers]).toHaveLength(1);
    const tried = (await audit(null)).filter(({ action }) => action === "workspaces.auth_secret.use");
    expect(tried).toMatchObject([
      { outcome: "denied", target_name: "tp-xx-1", host },
      { outcome: "denied", target_name: "tp-xx-2", host },
    ]);
  });

  test("who may not use secrets here resolves nothing", async () => {
    const { name } = await basic("user", "password");
    const editor = await makeTask(world.place, ["workspaces.auth_secret.edit", "workspaces.auth_secret.get"]);
    const answer = await ask((await none()).id, { headers: { "X-A": `{{ ${name}.password }}` } }, editor.basic);
    expect(answer.status).toBe(403);
    expect(api.connections).toBe(0);
  });

  test("a secret goes only where it is itself allowed; the refusal is on record and nothing leaves", async () => {
    const other = await add("password", { password: "kept at home" }, { hosts: ["api.example.com"] });
    const answer = await ask((await none()).id, { headers: { "X-A": `{{ ${other.name}.password }}` } });
    expect(answer.status).toBe(403);
    expect(answer.body.errors[0]).toMatchObject({
      code: "destination_not_allowed",
      detail: expect.stringContaining(other.name),
    });
    expect(api.connections).toBe(0);
    expect((await audit(other.id)).at(-1)).toMatchObject({
      action: "secret.requested",
      outcome: "denied",
      host,
      detail: { code: "blocked_destination" },
    });
  });

  test("a path on an allow-list is not found in a value", async () => {
    const { name } = await basic("v1", "..");
    const { id } = await add("noauth", {}, { hosts: [`${host}/v1/`] });
    const to = async (path: string) => (await ask(id, { url: `http://${host}${path}` })).status;
    expect(await to(`/{{ ${name}.username }}/me`)).toBe(403);
    expect(await to(`/v1/{{ ${name}.password }}/me`)).toBe(400);
    expect(await to(`/v1/%2e{{ ${name}.username }}/me`)).toBe(200);
    expect(api.seen.map(({ url }) => url)).toEqual(["/v1/%2ev1/me"]);
  });

  test("AU-1: each one's use is on record before anything leaves, or nothing does", async () => {
    const other = await basic("user", "password");
    const { id } = await none();
    const json = { headers: { "X-A": `{{ ${other.name}.username }}{{ ${other.name}.password }}` } };
    let entries: unknown[] = [];
    api.respond = async (_request, response) => {
      entries = (await audit(other.id)).filter(({ action }) => action === "secret.requested");
      response.end();
    };
    expect((await ask(id, json)).status).toBe(200);
    expect(entries).toMatchObject([{ outcome: "allowed", host, detail: { method: "GET" } }]);
    api.connections = 0;
    await world.database.owner.unsafe(
      `alter table audit_entries add constraint full_disk check (action <> 'secret.requested' or target_id <> '${other.id}') not valid`,
    );
    try {
      expect((await ask(id, json)).status).toBe(503);
      expect(api.connections).toBe(0);
    } finally {
      await world.database.owner`alter table audit_entries drop constraint full_disk`;
    }
  });
});

test("PX-3: every value that was put in is masked in the answer, in its place's writing too", async () => {
  const { name } = await basic("a user name", "päss/word & more");
  const { id } = await none();
  api.respond = ({ url, headers, body }, response) => response.end(`${url} ${headers["x-a"]} ${body}`);
  const { attributes } = (
    await ask(id, {
      method: "POST",
      url: `http://${host}/{{ ${name}.username }}?p={{ ${name}.password }}`,
      headers: { "X-A": `{{ ${name}.username }}` },
      body: `{"a":"{{ ${name}.password }}"}`,
    })
  ).body.data;
  expect(attributes.body).toMatch(/^\/\*+\?p=\*+ \*+ \{"a":"\*+"\}$/);
  expect(attributes.masked).toBe(4);
  expect((await audit(id)).at(-1)).toMatchObject({ action: "secret.reflected" });
});

test("401: a secret that names its own token in the request sends the newer one", async () => {
  const secret = await world.addSecret({}, { name: `tp-${++count}` });
  const name = `tp-${count}`;
  await call(PATCH, {
    method: "PATCH",
    params: { workspaceId: world.place.workspaceId, secretId: secret.id },
    as: world.owner.basic,
    json: { data: { type: "auth-secret", attributes: { allowed_hosts: [host] } } },
  });
  api.respond = ({ headers }, response) =>
    response.writeHead(headers["x-token"] === secret.accessToken ? 401 : 200).end(`${headers["x-token"]}`);
  const { attributes } = (await ask(secret.id, { headers: { "X-Token": `{{ ${name}.access_token }}` } })).body.data;
  expect(attributes).toMatchObject({ status: 200, tries: 2, masked: 1 });
  expect(api.seen[1]?.headers.authorization).toBe(`Bearer ${api.seen[1]?.headers["x-token"]}`);
});
