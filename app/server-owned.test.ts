import { getTableColumns } from "drizzle-orm";
import type { PgTable } from "drizzle-orm/pg-core";
import { beforeAll, describe, expect, test } from "vitest";
import * as accounts from "@/drizzle/schema/accounts";
import * as clients from "@/drizzle/schema/auth-clients";
import * as endpoints from "@/drizzle/schema/endpoints";
import * as secrets from "@/drizzle/schema/secrets";
import * as webhooks from "@/drizzle/schema/webhooks";
import { makePerson, makePlace, makeSession, OWNER, type Person, type Place } from "@/lib/testing/callers";
import { useDatabase } from "@/lib/testing/database";
import { call } from "@/lib/testing/http";
import { definedRoutes } from "@/lib/testing/routes";

/**
 * SECURITY AZ-6: what only the server decides cannot be sent. The names tried are generated: every attribute and relationship
 * that any answer shows, every column of the tables behind it. A new column or attribute is tried at once; a new route
 * with a body fails until it has an entry here.
 */
const database = useDatabase();
const routes = (await definedRoutes()).filter(({ definition }) => definition.takesBody);

let place: Place;
let owner: Person;
let count = 0;
const unique = () => `Owned ${++count}`;
const relation = (type: string, id: string) => ({ data: { id, type } });
const OAUTH2 = {
  client_id: "client",
  client_secret: "secret of the client",
  auth_uri: "https://provider.example.com/auth",
  token_uri: "https://provider.example.com/token",
};

type Body = Record<string, unknown>;
interface Kind {
  /** What the names are taken from, besides the answers. */
  tables: readonly PgTable[];
  /** What a client may send: everything else that is tried must be refused. */
  attributes: readonly string[];
  relationships?: readonly string[];
  body(): Body | Promise<Body>;
  /** Ids in the path. */
  params?(): Record<string, string> | Promise<Record<string, string>>;
  /** Plain JSON, no JSON:API envelope. */
  plain?: true;
}

const envelope = (type: string, attributes: Body, relationships?: Body): Body => ({
  data: { type, attributes, ...(relationships ? { relationships } : {}) },
});
const oauth2Client = () =>
  envelope(
    "auth-client",
    { type: "oauth2", name: unique(), credentials: OAUTH2 },
    { workspace: relation("workspace", place.workspaceId) },
  );
const basicClient = () =>
  envelope(
    "auth-client",
    { type: "basic", name: unique(), credentials: { username: "u" } },
    { workspace: relation("workspace", place.workspaceId) },
  );
const oauth2Secret = async () =>
  envelope(
    "auth-secret",
    { name: unique(), credentials: { access_token: "token", refresh_token: "refresh", expires_in: 3600 } },
    { auth_client: relation("auth-client", await make("POST /v2/auth-clients", await oauth2Client())) },
  );
const sharedSecret = () =>
  envelope("auth-secret", { name: unique(), type: "hs256", credentials: { secret: "x".repeat(32) } });
const keyPair = () => envelope("auth-secret", { name: unique(), type: "rs256", credentials: { bits: 2048 } });
const basicSecret = () =>
  envelope("auth-secret", { name: unique(), type: "basic", credentials: { username: "u", password: "p" } });
const renamed = (type: string) => () => envelope(type, { name: unique() });
const inWorkspace = () => ({ workspaceId: place.workspaceId });

const CLIENT = { tables: [clients.authClients, clients.authClientState] };
const WEBHOOK = { tables: [webhooks.webhooks, webhooks.webhookDeliveries], attributes: ["name", "url", "events", "enabled"], relationships: ["auth_secret"] }; // biome-ignore format: one line
const webhook = () =>
  envelope("webhook", { name: unique(), url: "https://receiver.example.com/", events: ["secret.created"] });
const SECRET = { tables: [secrets.secrets, secrets.tokenState] };
const SECRET_PATH = "/v2/workspaces/{workspaceId}/secrets";
const secretOf = (body: () => Body | Promise<Body>) => async () => ({
  ...inWorkspace(),
  secretId: await make(`POST ${SECRET_PATH}`, await body()),
});
const clientOf = (body: () => Body) => async () => ({ id: await make("POST /v2/auth-clients", body()) });

/** One entry for each route with a body, or more where the type decides. */
const KINDS: Record<string, Kind | Record<string, Kind>> = {
  "POST /v2/auth-clients": {
    oauth2: { ...CLIENT, attributes: ["type", "name", "credentials"], relationships: ["components", "workspace", "contract", "tenant"], body: oauth2Client },
    basic: { ...CLIENT, attributes: ["type", "name", "credentials"], relationships: ["components", "workspace", "contract", "tenant"], body: basicClient },
  },
  "PATCH /v2/auth-clients/{id}": {
    oauth2: { ...CLIENT, attributes: ["type", "name", "credentials"], relationships: ["components", "workspace", "contract", "tenant"], body: renamed("auth-client"), params: clientOf(oauth2Client) },
    basic: { ...CLIENT, attributes: ["type", "name", "credentials"], relationships: ["components", "workspace", "contract", "tenant"], body: renamed("auth-client"), params: clientOf(basicClient) },
  },
  // `state` and `error`: accepted (API.md), see below for what becomes of them.
  [`POST ${SECRET_PATH}`]: {
    oauth2: { ...SECRET, attributes: ["type", "name", "credentials", "state", "error", "reveal", "allowed_hosts"], relationships: ["auth_client"], body: oauth2Secret, params: inWorkspace },
    basic: { ...SECRET, attributes: ["type", "name", "credentials", "state", "error", "reveal", "allowed_hosts"], relationships: ["auth_client"], body: basicSecret, params: inWorkspace },
  },
  [`PATCH ${SECRET_PATH}/{secretId}`]: {
    oauth2: { ...SECRET, attributes: ["type", "name", "credentials", "state", "error", "reveal", "allowed_hosts"], relationships: ["auth_client"], body: renamed("auth-secret"), params: secretOf(oauth2Secret) },
    basic: { ...SECRET, attributes: ["type", "name", "credentials", "state", "error", "reveal", "allowed_hosts"], relationships: ["auth_client"], body: renamed("auth-secret"), params: secretOf(basicSecret) },
  },
  "POST /v2/workspaces/{workspaceId}/endpoints": { tables: [endpoints.endpoints], attributes: ["name", "open_access", "scopes", "issuer", "audience"], relationships: ["secrets"], body: () => envelope("endpoint", { name: unique() }), params: inWorkspace },
  "PATCH /v2/workspaces/{workspaceId}/endpoints/{endpointId}": { tables: [endpoints.endpoints], attributes: ["name", "open_access", "scopes", "issuer", "audience"], relationships: ["secrets"], body: renamed("endpoint"), params: async () => ({ ...inWorkspace(), endpointId: await make("POST /v2/workspaces/{workspaceId}/endpoints", envelope("endpoint", { name: unique() })) }) },
  "POST /v2/components": { tables: [clients.components], attributes: ["name", "access"], relationships: ["contract"], body: () => envelope("component", { name: unique() }, { contract: relation("contract", place.contractId) }) },
  "POST /v2/contracts": { tables: [accounts.contracts], attributes: ["name"], relationships: ["tenant"], body: () => envelope("contract", { name: unique() }, { tenant: relation("tenant", place.tenantId) }) },
  "POST /v2/workspaces": { tables: [accounts.workspaces], attributes: ["name"], relationships: ["contract"], body: () => envelope("workspace", { name: unique() }, { contract: relation("contract", place.contractId) }) },
  "PATCH /v2/workspaces/{workspaceId}": { tables: [accounts.workspaces], attributes: ["name"], body: renamed("workspace"), params: inWorkspace },
  "PATCH /v2/tenants/{id}": { tables: [accounts.tenants], attributes: ["reveal"], body: () => envelope("tenant", { reveal: "never" }), params: () => ({ id: place.tenantId }) },
  "POST /v2/users/me/api-keys": { tables: [accounts.apiKeys], attributes: ["name", "expires_at", "permissions", "workspaces", "allowed_addresses"], body: renamed("api-key") },
  "POST /v2/workspaces/{workspaceId}/task-identities": { tables: [accounts.apiKeys], attributes: ["name", "permissions", "expires_at", "allowed_addresses"], body: renamed("task-identity"), params: inWorkspace },
  "POST /v2/workspaces/{workspaceId}/webhooks": { ...WEBHOOK, body: webhook, params: inWorkspace },
  "PATCH /v2/workspaces/{workspaceId}/webhooks/{webhookId}": { ...WEBHOOK, body: renamed("webhook"), params: async () => ({ ...inWorkspace(), webhookId: await make("POST /v2/workspaces/{workspaceId}/webhooks", webhook()) }) },
  [`POST ${SECRET_PATH}/{secretId}/refused`]: { plain: true, tables: [secrets.tokenState], attributes: ["fingerprint"], body: () => ({ fingerprint: "older" }), params: secretOf(oauth2Secret) },
  [`POST ${SECRET_PATH}/{secretId}/request`]: { plain: true, tables: [secrets.secrets], attributes: ["method", "url", "headers", "body", "body_base64"], body: () => ({ url: "http://127.0.0.1:1" }), params: secretOf(basicSecret) },
  [`POST ${SECRET_PATH}/{secretId}/reveal`]: { plain: true, tables: [secrets.secrets], attributes: ["field"], body: () => ({ field: "password" }), params: secretOf(basicSecret) },
  [`POST ${SECRET_PATH}/{secretId}/keys/rotate`]: { plain: true, tables: [secrets.secrets, secrets.publishedKeys], attributes: ["bits"], body: () => ({ bits: 2048 }), params: secretOf(keyPair) },
  [`POST ${SECRET_PATH}/{secretId}/jwt/sign`]: { plain: true, tables: [secrets.secrets], attributes: ["claims", "lifetime", "typ"], body: () => ({ lifetime: 60 }), params: secretOf(sharedSecret) },
  [`POST ${SECRET_PATH}/{secretId}/jwt/verify`]: { plain: true, tables: [secrets.secrets], attributes: ["token", "issuer", "audience", "subject", "scope", "typ", "lifetime"], body: () => ({ token: "a.b.c" }), params: secretOf(sharedSecret) },
  [`POST ${SECRET_PATH}/{secretId}/jwt/encrypt`]: { plain: true, tables: [secrets.secrets], attributes: ["plaintext"], body: () => ({ plaintext: "x" }), params: secretOf(sharedSecret) },
  [`POST ${SECRET_PATH}/{secretId}/jwt/decrypt`]: { plain: true, tables: [secrets.secrets], attributes: ["token"], body: () => ({ token: "a.b.c" }), params: secretOf(sharedSecret) },
  [`POST ${SECRET_PATH}/{secretId}/sql`]: { plain: true, tables: [secrets.secrets], attributes: ["statement", "params", "read_only", "max_rows"], body: () => ({ statement: "select 1" }), params: secretOf(basicSecret) },
  // What is only tested is answered by a server elsewhere; the bodies are those of POST and PATCH, tried above.
  "POST /v2/workspaces/{workspaceId}/secret-test": { plain: true, tables: [secrets.secrets], attributes: ["data"], body: basicSecret, params: inWorkspace },
  [`POST ${SECRET_PATH}/{secretId}/test`]: { plain: true, tables: [secrets.secrets], attributes: ["data"], body: renamed("auth-secret"), params: secretOf(basicSecret) },
  "POST /v2/discovery": { plain: true, tables: [clients.authClients], attributes: ["issuer"], body: () => ({ issuer: "http://127.0.0.1:1" }) },
  "POST /v2/users/me/password": { plain: true, tables: [accounts.users, accounts.sessions], attributes: ["current", "password"], body: () => ({ current: "x", password: "a new and long one 1" }) },
  "POST /v2/users/me/reauthenticate": { plain: true, tables: [accounts.users, accounts.sessions], attributes: ["password"], body: () => ({ password: "x" }) },
  "POST /api/setup": { plain: true, tables: [accounts.users, accounts.tenants, accounts.memberships], attributes: ["code", "password", "first_name", "last_name", "email", "tenant"], body: () => ({}) },
  "POST /api/setup/check": { plain: true, tables: [accounts.oneTimeCodes], attributes: ["code"], body: () => ({ code: "x" }) },
}; // biome-ignore format: a table

const cases = Object.entries(KINDS).flatMap(([route, given]) =>
  "tables" in given
    ? [{ route, type: "", kind: given as Kind }]
    : Object.entries(given).map(([type, kind]) => ({ route, type, kind })),
);

async function send(route: string, params: Record<string, string>, json: Body, as: Record<string, string>) {
  const found = routes.find(({ definition }) => definition.route === route);
  if (!found) throw new Error(`There is no route ${route} that takes a body.`);
  return call(found.handler, { method: found.method, params, as, json });
}

async function make(route: string, body: Body): Promise<string> {
  const answer = await send(route, inWorkspace(), body, owner.basic);
  if (answer.status !== 201) throw new Error(`${route}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body.data.id;
}

/** Names that no table or answer happens to have. */
const ALWAYS = ["id", "tenant_id", "owner", "owner_id", "created_at", "updated_at", "version", "role", "roles", "meta"];
const columnsOf = (tables: readonly PgTable[]) =>
  tables.flatMap((table) => Object.values(getTableColumns(table)).map((column) => column.name));

/** Every row of every table a request could write, as text: equal before and after what is refused. */
async function everything(): Promise<string> {
  const [row] = await database.owner<{ text: string }[]>`
    select concat_ws(' ', (select count(*) from secrets), (select count(*) from auth_clients), (select count(*) from workspaces),
      (select count(*) from contracts), (select count(*) from components), (select count(*) from api_keys),
      (select count(*) from users), (select md5(string_agg(s::text, '' order by id)) from secrets s),
      (select md5(string_agg(t::text, '' order by secret_id)) from token_state t),
      (select md5(string_agg(c::text, '' order by id)) from auth_clients c),
      (select md5(string_agg(e::text, '' order by id)) from endpoints e),
      (select md5(string_agg(w::text, '' order by id)) from workspaces w),
      (select md5(string_agg(h::text, '' order by id)) from webhooks h), (select count(*) from webhook_deliveries),
      (select md5(string_agg(n::text, '' order by tenant_id)) from tenants n)) as text`;
  return row?.text ?? "";
}

beforeAll(async () => {
  place = await makePlace();
  owner = await makePerson(place, OWNER);
});

describe("AZ-6", () => {
  test("every route that takes a body is known here", () => {
    expect(cases.length).toBeGreaterThan(18);
    expect(routes.map(({ definition }) => definition.route).sort()).toEqual(Object.keys(KINDS).sort());
  });

  test.each(cases)("$route $type takes nothing that only the server decides", async ({ route, kind }) => {
    const as = route.includes("/users/me/p") || route.includes("reauth") ? await makeSession(owner.id) : owner.basic;
    const origin = { "sec-fetch-site": "same-origin" };
    const params = async () => ((await kind.params?.()) ?? {}) as Record<string, string>;
    let shown: { attributes?: Body; relationships?: Body } = {};
    if (!kind.plain) {
      const good = await send(route, await params(), await kind.body(), { ...as, ...origin });
      expect([route, good.status < 300, good.body.errors]).toEqual([route, true, undefined]);
      shown = good.body.data;
    }
    const names = new Set([...ALWAYS, ...columnsOf(kind.tables), ...Object.keys(shown.attributes ?? {})]);
    for (const name of kind.attributes) names.delete(name);
    expect(names.size).toBeGreaterThan(10);

    const at = await params();
    const places: { pointer: string; put(body: Body): void }[] = [];
    if (kind.plain)
      for (const name of names)
        places.push({
          pointer: `/${name}`,
          put: (body) => {
            body[name] = "x";
          },
        });
    else {
      const data = (body: Body) => body.data as Record<string, Body>;
      for (const name of names)
        places.push({
          pointer: `/data/attributes/${name}`,
          put: (body) => {
            (data(body).attributes as Body)[name] = shown.attributes?.[name] ?? "x";
          },
        });
      for (const name of ["attributes2", "meta", "tenant", "tenant_id", "included"])
        places.push({
          pointer: `/data/${name}`,
          put: (body) => {
            data(body)[name] = {};
          },
        });
      places.push({
        pointer: "/meta",
        put: (body) => {
          body.meta = {};
        },
      });
      const readOnly = new Set([
        "user",
        "owner",
        "tenant",
        "workspace",
        "contract",
        ...Object.keys(shown.relationships ?? {}),
      ]);
      for (const name of kind.relationships ?? []) readOnly.delete(name);
      for (const name of readOnly)
        places.push({
          pointer:
            kind.relationships || data(await kind.body()).relationships
              ? `/data/relationships/${name}`
              : "/data/relationships",
          put: (body) => {
            data(body).relationships = { ...data(body).relationships, [name]: relation(name, place.tenantId) };
          },
        });
    }
    const body = await kind.body();
    const before = await everything();
    for (const { pointer, put } of places) {
      const sent = structuredClone(body);
      put(sent);
      const answer = await send(route, at, sent, { ...as, ...origin });
      expect([route, pointer, answer.status]).toEqual([route, pointer, 400]);
      // Not merely of the wrong type: no value of this name would be taken.
      const unknown = answer.body.errors.flatMap((error: { detail: string; source?: { pointer?: string } }) =>
        /is not known here/.test(error.detail) ? [error.source?.pointer] : [],
      );
      expect([route, pointer, unknown]).toEqual([route, pointer, [pointer]]);
    }
    expect(await everything()).toBe(before);
  });

  test("an oauth2 client's and secret's credentials take only their own members", async () => {
    const stored = [
      "iss_parameter",
      "auth_methods_supported",
      "learned_auth_method",
      "secret_name",
      "grant_id",
      "generation",
      "fingerprint",
      "status",
    ];
    const client = oauth2Client();
    const secret = await oauth2Secret();
    for (const [route, good] of [
      ["POST /v2/auth-clients", client],
      [`POST ${SECRET_PATH}`, secret],
    ] as const)
      for (const name of stored) {
        const sent = structuredClone(good) as { data: { attributes: { credentials: Body } } };
        sent.data.attributes.credentials[name] = "x";
        const answer = await send(route, inWorkspace(), sent, owner.basic);
        expect([name, answer.status, answer.body.errors?.[0].source.pointer]).toEqual([
          name,
          400,
          `/data/attributes/credentials/${name}`,
        ]);
      }
  });

  test("`state` and `error` of an oauth2 secret are taken and change nothing; of other types they are the client's", async () => {
    const said = { state: "error", error: "says the client" };
    for (const [kind, body] of [
      ["oauth2", await oauth2Secret()],
      ["basic", basicSecret()],
    ] as const) {
      Object.assign((body as { data: { attributes: Body } }).data.attributes, said);
      const made = await send(`POST ${SECRET_PATH}`, inWorkspace(), body, owner.basic);
      const { id } = made.body.data;
      const patched = await send(
        `PATCH ${SECRET_PATH}/{secretId}`,
        { ...inWorkspace(), secretId: id },
        envelope("auth-secret", said),
        owner.basic,
      );
      for (const answer of [made, patched])
        expect([kind, answer.body.data.attributes.state, answer.body.data.attributes.error]).toEqual(
          kind === "oauth2" ? [kind, "ready", undefined] : [kind, "error", "says the client"],
        );
    }
  });
});
