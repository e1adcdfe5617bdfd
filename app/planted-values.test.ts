import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { inspect } from "node:util";
import pino from "pino";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { answerAuth } from "@/lib/accounts/auth-handler";
import { Sensitive } from "@/lib/crypto/sensitive";
import { flushChecks } from "@/lib/endpoints/checks";
import { install } from "@/lib/process";
import { makePerson, makePlace, makeSession, makeTask, OWNER, type Person, type Place } from "@/lib/testing/callers";
import { useDatabase } from "@/lib/testing/database";
import { plantSecrets } from "@/lib/testing/planted-secrets";
import { allRoutes, definedRoutes, type Route } from "@/lib/testing/routes";
import { type Hit, Sentinels } from "@/lib/testing/sentinels";
import { useSqlThreads } from "@/lib/testing/sql-thread";

/**
 * Planted values (CRY-10, VAL-1, LG-1 to LG-3; FAULTS C12): unique values in every place that takes a secret, every route
 * called well and badly at the most verbose log level, then tables, logs and answers searched for them in all their forms.
 * The pages are searched in e2e/pages.spec.ts.
 */

const database = useDatabase({ LATCHKEY_LOG_LEVEL: "trace", LATCHKEY_EGRESS_ALLOW: "127.0.0.1" });
useSqlThreads();
const planted = new Sentinels();
const routes = await allRoutes();
const defined = await definedRoutes();

/** Everything logged or printed. */
let printed = "";
const print = (text: string): void => {
  printed += text;
};
/** Answers that must not hold any planted value, with what they answered. */
const scanned: { about: string; text: string; but: string[] }[] = [];
const seen = new Set<string>();

const provider = {
  url: "",
  server: undefined as Server | undefined,
  answer: (): { status: number; body: unknown } => ({ status: 200, body: {} }),
  form: {} as Record<string, string>,
};
let place: Place;
let owner: Person;
let session: Record<string, string>;
let binding = "";

beforeAll(async () => {
  install("logger", pino({ level: "trace" }, { write: print }));
  for (const stream of [process.stdout, process.stderr])
    vi.spyOn(stream, "write").mockImplementation((chunk: unknown) => {
      print(String(chunk));
      return true;
    });
  for (const method of ["log", "info", "warn", "error", "debug", "trace"] as const)
    vi.spyOn(console, method).mockImplementation((...given: unknown[]) => print(inspect(given, { depth: 9 })));

  provider.server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on("data", (piece: Buffer) => pieces.push(piece));
    request.on("end", () => {
      provider.form = Object.fromEntries(new URLSearchParams(Buffer.concat(pieces).toString()));
      const { status, body } = provider.answer();
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => provider.server?.listen(0, "127.0.0.1", resolve));
  provider.url = `http://127.0.0.1:${(provider.server.address() as AddressInfo).port}`;

  place = await makePlace();
  owner = await makePerson(place, OWNER, { password: planted.text("account password") });
  planted.add("owner's API key", owner.key);
  session = await makeSession(owner.id);
  planted.add("session cookie", (session.cookie ?? "").split("=").slice(1).join("="));
});

afterAll(async () => {
  vi.restoreAllMocks();
  await new Promise((resolve) => provider.server?.close(resolve));
});
afterEach(() => {
  provider.answer = () => ({ status: 200, body: {} });
});

// ---------------------------------------------------------------- calling

interface Sent {
  as?: Record<string, string>;
  params?: Record<string, string>;
  query?: Record<string, string>;
  json?: unknown;
  body?: string;
  headers?: Record<string, string>;
  /** Planted values this caller may see in this answer. */
  shows?: string[];
}

async function send(route: string, sent: Sent = {}) {
  const found = routes.find((one) => one.definition?.route === route);
  if (!found) throw new Error(`There is no ${route}.`);
  return sendTo(found, sent);
}

async function sendTo(route: Route, { as, params = {}, query, json, body, headers, shows = [] }: Sent) {
  const path = route.path.replace(/\[(?:\.\.\.)?([^\]]+)\]/g, (_whole, name: string) =>
    encodeURIComponent(params[name] ?? ""),
  );
  const url = new URL(path, "http://127.0.0.1:3000");
  for (const [name, value] of Object.entries(query ?? {})) url.searchParams.set(name, value);
  const given = json === undefined ? body : JSON.stringify(json);
  const stop = new AbortController();
  const request = new Request(url, {
    method: route.method,
    headers: { ...(given === undefined ? {} : { "content-type": "application/json" }), ...as, ...headers },
    body: route.method === "GET" || route.method === "HEAD" ? undefined : given,
    signal: stop.signal,
  });
  const known = route.path.includes("[...nextauth]")
    ? ({ nextauth: (params.nextauth ?? "").split("/") } as unknown as Record<string, string>)
    : params;
  const response = await route.handler(request, { params: Promise.resolve(known) });
  let text = "";
  if (response.headers.get("content-type")?.startsWith("text/event-stream")) {
    stop.abort();
    await response.body?.cancel();
  } else text = await response.text();
  const about = `${route.method} ${route.path} → ${response.status}`;
  if (route.definition) seen.add(route.definition.route);
  scanned.push(
    { about, text, but: shows },
    { about: `headers of ${about}`, text: JSON.stringify([...response.headers]), but: shows },
  );
  return { status: response.status, headers: response.headers, text, json: () => JSON.parse(text) };
}

const data = (type: string, attributes: unknown, relationships?: unknown) => ({
  data: { type, attributes, relationships },
});
const at = () => ({ workspaceId: place.workspaceId });

async function idOf(answer: Promise<{ status: number; text: string }>): Promise<string> {
  const { status, text } = await answer;
  if (status > 201) throw new Error(text);
  return JSON.parse(text).data.id;
}

const CLIENT = "POST /v2/auth-clients";
const SECRETS = "/v2/workspaces/{workspaceId}/secrets";
const ONE = `${SECRETS}/{secretId}`;

// ---------------------------------------------------------------- planting

test("every kind of secret is planted and used", async () => {
  const clientSecret = planted.text("client secret");
  const tokenParam = planted.token("token parameter");
  const made = (name: string, more: Record<string, unknown> = {}) =>
    idOf(
      send(CLIENT, {
        as: owner.basic,
        shows: ["client secret", "token parameter"],
        json: data(
          "auth-client",
          {
            type: "oauth2",
            name,
            credentials: {
              client_id: "client",
              client_secret: clientSecret,
              auth_uri: `${provider.url}/auth`,
              token_uri: `${provider.url}/token`,
              revocation_uri: `${provider.url}/revoke`,
              ...more,
            },
          },
          { workspace: { data: { id: place.workspaceId, type: "workspace" } } },
        ),
      }),
    );
  const clientId = await made("Client");
  void tokenParam;
  await send("PATCH /v2/auth-clients/{id}", {
    as: session,
    params: { id: clientId },
    json: data("auth-client", { credentials: { client_secret: planted.text("replaced client secret") } }),
  });
  await send("GET /v2/auth-clients", { as: session, query: { workspace_id: place.workspaceId } });
  await send("GET /v2/auth-clients/{id}", {
    as: session,
    params: { id: clientId },
    query: { workspace_id: place.workspaceId },
  });
  await send("GET /v2/auth-clients/{id}", {
    as: owner.basic,
    params: { id: clientId },
    query: { workspace_id: place.workspaceId },
    shows: ["replaced client secret"],
  });
  await send("GET /v2/auth-clients/{id}/usage", {
    as: owner.basic,
    params: { id: clientId },
    query: { workspace_id: place.workspaceId },
  });
  const asking = await idOf(
    send(CLIENT, {
      as: session,
      json: data(
        "auth-client",
        {
          type: "oauth2",
          name: "Asks with a login",
          credentials: {
            grant_type: "password",
            client_id: "client",
            client_secret: planted.text("client secret of a login"),
            token_uri: `${provider.url}/token`,
          },
        },
        { workspace: { data: { id: place.workspaceId, type: "workspace" } } },
      ),
    }),
  );
  const login = await idOf(
    send(`POST ${SECRETS}`, {
      as: owner.basic,
      params: at(),
      json: data(
        "auth-secret",
        {
          name: "A login",
          credentials: { username: planted.text("login user name"), password: planted.text("login password") },
        },
        { auth_client: { data: { id: asking, type: "auth-client" } } },
      ),
    }),
  );
  for (const as of [session, owner.basic]) await send(`GET ${ONE}`, { as, params: { ...at(), secretId: login } });
  const free = await idOf(
    send(CLIENT, {
      as: session,
      json: data(
        "auth-client",
        { type: "api_key", name: "Free form", credentials: { anything: planted.text("free-form client value") } },
        { workspace: { data: { id: place.workspaceId, type: "workspace" } } },
      ),
    }),
  );
  await send("GET /v2/auth-clients/{id}", {
    as: session,
    params: { id: free },
    query: { workspace_id: place.workspaceId },
  });

  const stored = ["access token", "refresh token", "undefined_params", "fields", "additional parameter"];
  const secretId = await idOf(
    send(`POST ${SECRETS}`, {
      as: owner.basic,
      params: at(),
      shows: stored,
      json: data(
        "auth-secret",
        {
          name: "OAuth",
          credentials: {
            access_token: planted.token("access token"),
            refresh_token: planted.token("refresh token"),
            expires_in: 3600,
            additional_params: JSON.stringify({ login_hint: planted.token("additional parameter") }),
            undefined_params: { id_token: planted.token("undefined_params") },
            fields: { note: planted.text("fields") },
          },
        },
        { auth_client: { data: { id: clientId, type: "auth-client" } } },
      ),
    }),
  );
  const params = { ...at(), secretId };
  const values = {
    basic: { username: planted.text("user name"), password: planted.text("basic password") },
    api_key: { headerName: "X-Key", headerValue: planted.token("API key value") },
  };
  for (const [type, credentials] of Object.entries(values)) {
    const id = await idOf(
      send(`POST ${SECRETS}`, {
        as: session,
        params: at(),
        json: data("auth-secret", { name: type, type, credentials }),
      }),
    );
    await send(`GET ${ONE}`, { as: session, params: { ...at(), secretId: id } });
    await send(`PATCH ${ONE}`, {
      as: session,
      params: { ...at(), secretId: id },
      json: data("auth-secret", { credentials }),
    });
  }
  const everything = [...stored, "user name", "basic password", "API key value"];
  // Every member of every type, whatever the registry comes to hold.
  for (const { type, credentials, inCredentials } of plantSecrets(planted)) {
    const id = await idOf(
      send(`POST ${SECRETS}`, {
        as: session,
        params: at(),
        json: data(
          "auth-secret",
          { name: `Every member of ${type}`, type, credentials },
          type === "oauth2" ? { auth_client: { data: { id: clientId, type: "auth-client" } } } : undefined,
        ),
        shows: ["oauth2 credentials additional_params"],
      }),
    );
    await send(`GET ${ONE}`, {
      as: session,
      params: { ...at(), secretId: id },
      shows: ["oauth2 credentials additional_params"],
    });
    everything.push(...inCredentials);
    if (type !== "postgresql" && type !== "mysql") continue;
    // Nobody listens there: what is said of it names neither login nor statement.
    await send(`POST ${ONE}/test`, { as: session, params: { ...at(), secretId: id } });
    await send(`POST ${ONE}/sql`, {
      as: owner.basic,
      params: { ...at(), secretId: id },
      json: {
        statement: `select '${planted.word(`statement of ${type}`)}'`,
        params: [planted.text(`parameter of ${type}`)],
      },
    });
  }

  // Browsers see the fields people edit, and no value; keys see what the contract says.
  await send(`GET ${ONE}`, { as: session, params, shows: ["additional parameter"] });
  await send(`GET ${SECRETS}`, { as: session, params: at() });
  await send(`GET ${SECRETS}`, {
    as: session,
    params: at(),
    query: { "page[number]": "1", include: "auth_client,user" },
  });
  await send(`GET ${ONE}`, { as: owner.basic, params, shows: stored });
  await send(`GET ${SECRETS}`, { as: owner.basic, params: at(), shows: everything });
  const guest = await makePerson(place, { workspace: "guest" });
  await send(`GET ${ONE}`, { as: guest.basic, params });
  await send(`GET ${SECRETS}`, { as: guest.basic, params: at() });
  await send(`GET ${ONE}/token`, { as: owner.basic, params, shows: ["access token"] });
  await send(`GET ${ONE}/token`, { as: session, params });
  await send(`POST ${ONE}/refused`, {
    as: owner.basic,
    params,
    json: { fingerprint: "another" },
    shows: ["access token"],
  });
  await send(`POST ${ONE}/reveal`, { as: session, params, json: { field: "refresh_token" }, shows: ["refresh token"] });
  await send(`GET ${ONE}/history`, { as: session, params });

  // The provider refuses, and says the token back in every member it has.
  const token = planted.valueOf("refresh token");
  const echoes = [
    { status: 400, body: { error: "invalid_request", error_description: `No good: ${token}` } },
    {
      status: 400,
      body: { error: token, error_description: encodeURIComponent(token), error_uri: `https://x/?t=${token}` },
    },
    { status: 500, body: { message: token } },
    {
      status: 401,
      body: { error: "invalid_client", error_description: `Not ${planted.valueOf("replaced client secret")}` },
    },
    {
      status: 400,
      body: { error: "invalid_grant", error_description: `Basic ${Buffer.from(`client:${token}`).toString("base64")}` },
    },
  ];
  for (const echo of echoes) {
    provider.answer = () => echo;
    // As if its pause were over.
    await database.owner`update token_state set failures = 0, problem = null, refresh_due_at = now() where secret_id = ${secretId}`;
    await database.owner`update auth_client_state set problem = null, next_probe_at = null`;
    const { text } = await send(`POST ${ONE}/refresh`, { as: session, params, shows: ["additional parameter"] });
    expect(text).toBeTruthy();
    await send(`GET ${ONE}`, { as: session, params, shows: ["additional parameter"] });
  }
  await send(`GET ${ONE}/history`, { as: session, params });
  await send(`GET ${ONE}/authorization-failure`, { as: session, params, query: { reason: "state_used" } });
  await send("GET /v2/workspaces/{workspaceId}/activity", { as: session, params: at() });

  // The redirect flow: state, code, verifier and the browser's own value.
  for (const outcome of ["declined", "refused", "granted"] as const) {
    const { headers } = await send("GET /api/oauth/authorize/{secretId}", {
      as: session,
      params: { secretId },
      shows: [
        "additional parameter",
        ...planted.names.filter((name) => name.startsWith("state") || name.startsWith("browser")),
      ],
    });
    const away = scanned.pop();
    const to = new URL(headers.get("location") ?? "");
    expect(to.origin).toBe(provider.url);
    const state = planted.add(`state (${outcome})`, to.searchParams.get("state") ?? "");
    binding = /latchkey\.connect=([^;]+)/.exec(headers.get("set-cookie") ?? "")?.[1] ?? binding;
    if (!planted.names.includes("browser binding")) planted.add("browser binding", binding);
    expect(away?.text).toContain(state);
    const secretName = new URL(to.searchParams.get("redirect_uri") ?? "").pathname.split("/").at(-1) ?? "";
    const code = planted.token(`code (${outcome})`);
    const query: Record<string, string> =
      outcome === "declined"
        ? { state, error: "access_denied", error_description: `No ${state} ${code}` }
        : { state, code };
    provider.answer = () =>
      outcome === "refused"
        ? {
            status: 400,
            body: {
              error: "invalid_grant",
              error_description: `${code} ${provider.form.code_verifier} ${provider.form.redirect_uri}`,
            },
          }
        : {
            status: 200,
            body: {
              access_token: planted.token("granted access token"),
              refresh_token: planted.token("granted refresh token"),
              token_type: "Bearer",
              expires_in: 3600,
              id_token: planted.token("granted id_token"),
            },
          };
    const back = await send("GET /api/oauth/callback/{secretName}", {
      as: { cookie: `${session.cookie}; latchkey.connect=${binding}` },
      params: { secretName },
      query,
    });
    expect(back.status).toBe(303);
    if (outcome !== "declined") planted.add(`verifier (${outcome})`, provider.form.code_verifier ?? "");
    // Once more: the link is spent.
    await send("GET /api/oauth/callback/{secretName}", {
      as: { cookie: `${session.cookie}; latchkey.connect=${binding}` },
      params: { secretName },
      query,
    });
    await send(`GET ${ONE}/authorization-failure`, { as: session, params });
  }
  await send(`GET ${ONE}`, { as: session, params, shows: ["additional parameter"] });
  const { text } = await send(`GET ${ONE}/token`, { as: owner.basic, params, shows: ["granted access token"] });
  expect(text).toContain(planted.valueOf("granted access token"));
  provider.answer = () => ({ status: 500, body: { error: planted.valueOf("granted refresh token") } });
  await send(`DELETE ${ONE}/tokens`, { as: session, params });

  // Keys and passwords of people and steps.
  const key = (
    await send("POST /v2/users/me/api-keys", {
      as: session,
      json: data("api-key", { name: "made" }),
      shows: ["made API key"],
    })
  ).json();
  planted.add("made API key", key.data.attributes.key);
  const task = (
    await send("POST /v2/workspaces/{workspaceId}/task-identities", {
      as: session,
      params: at(),
      json: data("task-identity", { name: "made" }),
      shows: ["made task key"],
    })
  ).json();
  planted.add("made task key", task.data.attributes.api_key);
  await send("GET /v2/users/me/api-keys", { as: session });
  await send("GET /v2/users/me/api-keys/{id}", { as: session, params: { id: key.data.id } });
  await send("GET /v2/workspaces/{workspaceId}/task-identities", { as: session, params: at() });
  await send("POST /v2/users/me/password", {
    as: session,
    json: { current: planted.valueOf("account password"), password: planted.text("new password") },
  });
  await send("POST /v2/users/me/reauthenticate", { as: session, json: { password: planted.text("wrong password") } });
  await send("POST /api/setup/check", {
    as: { origin: "http://latchkey.test" },
    json: { code: planted.token("one-time code") },
  });
  await send("POST /api/setup", {
    as: { origin: "http://latchkey.test" },
    json: {
      code: planted.valueOf("one-time code"),
      password: planted.valueOf("new password"),
      email: "new@example.com",
    },
  });
  await signInWith(planted.text("password of nobody"));
  await signInWith(planted.valueOf("new password"));
});

/** Through next-auth, as the sign-in page does. */
async function signInWith(password: string): Promise<void> {
  const origin = "http://latchkey.test";
  const asked = await answerAuth(new Request("http://127.0.0.1:3000/api/auth/csrf"), ["csrf"]);
  const { csrfToken } = (await asked.json()) as { csrfToken: string };
  const cookie = asked.headers
    .getSetCookie()
    .map((one) => one.split(";")[0])
    .join("; ");
  const answer = await answerAuth(
    new Request("http://127.0.0.1:3000/api/auth/callback/credentials", {
      method: "POST",
      headers: { cookie, origin, "content-type": "application/x-www-form-urlencoded" },
      body: new URLSearchParams({ csrfToken, email: owner.email, password, json: "true" }),
    }),
    ["callback", "credentials"],
  );
  scanned.push({ about: "sign-in", text: await answer.text(), but: [] });
  for (const line of answer.headers.getSetCookie()) {
    const value = /^latchkey\.session=(ey[^;]+)/.exec(line)?.[1];
    if (value) planted.add("cookie of a sign-in", value);
  }
}

/** Lists in which the contract shows credentials to entitled keys; to sessions they show none. */
const SHOWN_TO_KEYS = new Set(["GET /v2/auth-clients", `GET ${SECRETS}`]);

test("callers of an endpoint show what they have, right and wrong", async () => {
  const plantedIn = (type: string, credentials: unknown) =>
    idOf(
      send(`POST ${SECRETS}`, {
        as: session,
        params: at(),
        json: data("auth-secret", { name: `A caller's ${type}`, type, credentials }),
      }),
    );
  const word = planted.text("password of a caller");
  const key = planted.word("key of a caller");
  const ids = [
    await plantedIn("basic", { username: "caller", password: word }),
    await plantedIn("api_key", { headerName: "X-Caller", headerValue: key }),
  ];
  const secrets = { secrets: { data: ids.map((id) => ({ id, type: "auth-secret" })) } };
  const endpointId = await idOf(
    send("POST /v2/workspaces/{workspaceId}/endpoints", {
      as: session,
      params: at(),
      json: data("endpoint", { name: "Guarded" }, secrets),
    }),
  );
  const asked = (headers: Record<string, string>) =>
    send("GET /inbound/{endpointId}/check", { params: { endpointId }, headers });
  const pair = (text: string) => ({ authorization: `Basic ${Buffer.from(`caller:${text}`).toString("base64")}` });
  expect((await asked(pair(word))).status).toBe(204);
  expect((await asked({ "x-caller": key })).status).toBe(204);
  for (const wrong of [
    pair(planted.text("wrong password of a caller")),
    { "x-caller": planted.word("wrong key of a caller") },
    { authorization: `Bearer ${planted.token("wrong token of a caller")}` },
  ])
    expect((await asked(wrong)).status).toBe(401);
  await flushChecks();
  const log = await send("GET /v2/workspaces/{workspaceId}/endpoints/{endpointId}/checks", {
    as: session,
    params: { ...at(), endpointId },
  });
  expect(log.json().data.length).toBeGreaterThan(3);
});

test("every route is called badly, with values in every place", async () => {
  const wrong = planted.token("wrong value");
  const task = await makeTask(place);
  const callers: Record<string, string>[] = [{}, session, owner.basic, task.basic];
  const ids = ["workspaceId", "secretId", "id", "secretName"];
  for (const route of defined)
    for (const as of callers) {
      const base: Sent = {
        as,
        params: { ...at(), nextauth: "session" },
        headers: { "x-request-id": wrong, "user-agent": "test" },
      };
      const bodies: Sent[] = [
        { ...base, query: { nonsense: wrong, state: wrong, code: wrong } },
        { ...base, body: `{"data": "${wrong}", oops}` },
        {
          ...base,
          json: {
            data: {
              type: wrong,
              id: wrong,
              attributes: { name: 7, credentials: wrong, key: wrong, nonsense: wrong },
              relationships: { workspace: wrong },
            },
          },
        },
        {
          ...base,
          json: {
            password: [wrong],
            current: { wrong },
            code: 5,
            issuer: `https://${wrong}@127.0.0.1/`,
            field: wrong,
            fingerprint: wrong,
          },
        },
        {
          ...base,
          params: Object.fromEntries([...ids.map((name) => [name, `no-${"x".repeat(20)}`]), ["nextauth", "session"]]),
        },
        {
          ...base,
          headers: {
            ...base.headers,
            authorization: `Basic ${Buffer.from(`${owner.email}:${wrong}`).toString("base64")}`,
          },
        },
        {
          ...base,
          headers: { ...base.headers, cookie: `latchkey.session=${wrong}`, authorization: `Bearer ${wrong}` },
        },
      ];
      // Only what reads: here nothing may be changed by a good guess.
      const sessionsOnly = route.method === "GET" ? [{ ...base }] : [];
      for (const one of [...bodies, ...(as === session ? sessionsOnly : [])]) {
        if (route.method === "DELETE" && !one.query && !one.headers?.authorization) continue;
        const mayShow = as !== session && SHOWN_TO_KEYS.has(route.definition.route);
        await sendTo(route, { ...one, shows: mayShow ? planted.names : ["wrong value"] });
      }
    }
  // A header of one's own, x-request-id, is the purpose that the audit keeps: a caller's own words.
  await database.owner`update audit_entries set purpose = null where purpose = ${wrong}`;
});

test("a key in a URL is refused and not written down", async () => {
  const key = planted.valueOf("made API key");
  for (const route of ["GET /v2/tenants/{id}", "GET /v2/users/{id}"])
    expect((await send(route, { as: session, params: { id: key } })).status).toBe(400);
  const { status } = await send("GET /v2/permissions", {
    as: session,
    query: { api_key: planted.valueOf("owner's API key") },
  });
  expect(status).toBe(400);
  const unknown = routes.find((route) => route.path === "/v2/[...path]" && route.method === "GET") as Route;
  await sendTo(unknown, { params: { path: key } });
});

test("when the database fails, its words stay inside", async () => {
  await database.owner`alter table secret_events rename to secret_events_gone`;
  await database.owner`alter table api_keys rename to api_keys_gone`;
  try {
    const { status, text } = await send(`POST ${SECRETS}`, {
      as: session,
      params: at(),
      json: data("auth-secret", {
        name: "Failing",
        type: "basic",
        credentials: { username: planted.valueOf("user name"), password: planted.valueOf("basic password") },
      }),
    });
    expect(status).toBe(500);
    expect(text).not.toMatch(/secret_events|insert into|\bat \/|\.ts:/i);
    await send("GET /v2/users/me", {
      as: { authorization: `Basic ${Buffer.from(`a@b.example:${planted.token("unknown key")}`).toString("base64")}` },
    });
  } finally {
    await database.owner`alter table secret_events_gone rename to secret_events`;
    await database.owner`alter table api_keys_gone rename to api_keys`;
  }
});

test("a secret in its wrapper never becomes text", () => {
  const wrapped = new Sensitive({ token: planted.valueOf("refresh token") });
  const words = [
    String(wrapped),
    JSON.stringify({ wrapped }),
    inspect({ wrapped }, { depth: 9, showHidden: true }),
    `${wrapped}`,
  ];
  for (const text of words) expect(planted.find(text)).toEqual([]);
});

// ---------------------------------------------------------------- searching

const told = (where: string, hits: Hit[]) =>
  hits.map(({ name, form, around }) => `${where}: ${name} (${form}) in …${around}…`);

test("every route was called", () => {
  expect(defined.map((route) => route.definition.route).filter((route) => !seen.has(route))).toEqual([]);
});

test("no table holds one", async () => {
  const names = await database.owner<
    { name: string }[]
  >`select tablename as name from pg_tables where schemaname = 'public'`;
  expect(names.length).toBeGreaterThan(20);
  for (const { name } of names) {
    const rows = await database.owner.unsafe(`select t::text as row, to_jsonb(t)::text as json from "${name}" t`);
    const found = planted.find(rows.map((row) => `${row.row}\n${row.json}`).join("\n"));
    expect(told(name, found)).toEqual([]);
    // The bytes themselves, beside their hex above.
    const columns = await database.owner<{ column_name: string }[]>`
      select column_name from information_schema.columns where table_name = ${name} and data_type = 'bytea'`;
    for (const { column_name } of columns)
      for (const row of await database.owner.unsafe(
        `select "${column_name}" as value from "${name}" where "${column_name}" is not null`,
      ))
        expect(told(`${name}.${column_name}`, planted.find(row.value))).toEqual([]);
  }
});

test("nothing logged or printed holds one", () => {
  expect(printed.split("\n").length).toBeGreaterThan(500);
  expect(told("log", planted.find(printed))).toEqual([]);
});

test("no answer holds one that its caller may not see there", () => {
  expect(scanned.length).toBeGreaterThan(500);
  for (const { about, text, but } of scanned) expect(told(about, planted.find(text, but))).toEqual([]);
});
