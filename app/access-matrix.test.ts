import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { POST as createClient } from "@/app/v2/auth-clients/route";
import { POST as createComponent } from "@/app/v2/components/route";
import { POST as createEndpoint } from "@/app/v2/workspaces/[workspaceId]/endpoints/route";
import { POST as createWebhook } from "@/app/v2/workspaces/[workspaceId]/webhooks/route";
import { TASK_PERMISSIONS } from "@/lib/access/permissions";
import { ROLES } from "@/lib/access/roles";
import { newId } from "@/lib/ids";
import {
  addContract,
  addRoles,
  addWorkspace,
  makePerson,
  makePlace,
  makeSession,
  makeTask,
  OWNER,
  type Person,
  type Place,
} from "@/lib/testing/callers";
import { useDatabase } from "@/lib/testing/database";
import { call } from "@/lib/testing/http";
import { allRoutes, definedRoutes, type Route } from "@/lib/testing/routes";
import { postSecret } from "@/lib/testing/secrets-api";

/**
 * The authorisation matrix (SECURITY AZ-1, AZ-2, AZ-3; FAULTS C16), generated from the definitions of the routes: every
 * route × role × place × id position. What is expected follows from the roles and the tree alone, by the few lines of
 * `expected`; what differs from that is in `ALSO` and `NEVER`, with the reason. A new route fails until its ids, and its
 * body if it has one, are known here.
 */

/**
 * `off`: the first wall is switched off, in the run that shows what holds without it. `bound`: only row-level security is left.
 * Places are found wherever they are, by the tenant's own id, and every transaction is bound to this tenant whatever tenant the
 * code asks for, as if no query named the right one.
 */
const wall = vi.hoisted(() => ({ off: false, bound: null as string | null }));
vi.mock("@/lib/accounts/places", async (original) => {
  const real = await original<typeof import("@/lib/accounts/places")>();
  const find = (kind: "workspace" | "contract" | "tenant", id: string) => {
    const place = SITES.map((name) => sites[name].place).find((one) => one[`${kind}Id`] === id);
    return place && { ...place, kind };
  };
  const anywhere =
    <Given extends unknown[], Found>(kind: "workspace" | "contract" | "tenant", look: (...given: Given) => Found) =>
    (...given: Given) =>
      ((wall.bound && find(kind, given[1] as string)) || look(...given)) as Found;
  return {
    ...real,
    resolveWorkspace: anywhere("workspace", real.resolveWorkspace),
    resolveContract: anywhere("contract", real.resolveContract),
    resolveTenant: anywhere("tenant", real.resolveTenant),
  };
});
vi.mock("@/lib/db/tx", async (original) => {
  const real = await original<typeof import("@/lib/db/tx")>();
  const inTenant: typeof real.inTenant = (tenantId, ...rest) =>
    // People, keys and sessions are the instance's: without them nobody is anybody.
    real.inTenant(wall.bound && !/^0+$/.test(tenantId) ? wall.bound : tenantId, ...rest);
  return { ...real, inTenant };
});
vi.mock("@/lib/access/permit", async (original) => {
  const real = await original<typeof import("@/lib/access/permit")>();
  const unless =
    <Given extends unknown[]>(check: (...given: Given) => Promise<void>) =>
    async (...given: Given) => {
      if (!wall.off) await check(...given);
    };
  return { ...real, permit: unless(real.permit), permitOnAuthClients: unless(real.permitOnAuthClients) };
});

const database = useDatabase();
const routes = await allRoutes();
const defined = await definedRoutes();
/** Anybody may call these; the two browser legs of the OAuth flow decide by session and state and have their own tests. */
const PUBLIC = new Set([
  "GET /healthz",
  "GET /readyz",
  "GET /metrics",
  "POST /api/setup",
  "POST /api/setup/check",
  "GET /api/auth/{nextauth}",
  "POST /api/auth/{nextauth}",
  "GET /api/oauth/authorize/{secretId}",
  "GET /api/oauth/callback/{secretName}",
  "GET /.well-known/jwks/{file}",
  ...["GET", "POST", "PATCH", "PUT", "DELETE"].map((method) => `${method} /inbound/{endpointId}/check`),
]);
const guarded = defined.filter((route) => !PUBLIC.has(route.definition.route));

describe("AZ-1: the table", () => {
  test("every exported method is an endpoint with a definition, or refuses", () => {
    const bare = routes.filter((route) => !route.definition && !route.refuses).map((r) => `${r.method} ${r.path}`);
    expect(bare).toEqual([]);
  });

  test("every definition names its own address, and every id in it", () => {
    for (const { method, path, parameters, definition } of defined) {
      expect(definition.route).toBe(`${method} ${path.replace(/\[(?:\.\.\.)?([^\]]+)\]/g, "{$1}")}`);
      if (definition.route.startsWith("GET /api/auth/") || definition.route.startsWith("POST /api/auth/")) continue;
      const named = definition.access.ids.filter((id) => id.startsWith("path.")).map((id) => id.slice(5));
      expect([definition.route, ...named.sort()]).toEqual([definition.route, ...[...parameters].sort()]);
    }
  });

  test("only the known few are public", () => {
    const open = defined.filter((r) => r.definition.access.permission === "public").map((r) => r.definition.route);
    expect(open.sort()).toEqual([...PUBLIC].sort());
  });
});

// ---------------------------------------------------------------- the world

/** `[tenant, contract?, workspace?]`; `[]` is the instance. */
type Path = readonly string[];
type Kind =
  | "tenant"
  | "contract"
  | "workspace"
  | "secret"
  | "endpoint"
  | "client"
  | "component"
  | "task"
  | "webhook"
  | "delivery"
  | "user"
  | "key"
  | "session";
interface Thing {
  kind: Kind;
  id: string;
  /** Where it lives; null: it does not exist. */
  at: Path | null;
  /** Of keys, sessions and people. */
  owner?: string;
}
interface Site {
  place: Place;
  owner: Person;
  things: Record<
    | "secret"
    | "opener"
    | "endpoint"
    | "client"
    | "contractClient"
    | "tenantClient"
    | "component"
    | "task"
    | "webhook"
    | "delivery"
    | "user"
    | "key"
    | "session",
    Thing
  >;
}
const SITES = ["own", "sibling", "contract", "tenant"] as const;
type SiteName = (typeof SITES)[number];
const sites = {} as Record<SiteName, Site>;

interface Role {
  auth: Record<string, string>;
  /** Answers 401 whatever it asks. */
  nobody?: boolean;
  task?: boolean;
  session?: boolean;
  /** A key with a part of its person's rights: nobody's account, and membership alone allows it nothing. */
  limited?: boolean;
  userId: string | null;
  grants: { at: Path; permissions: readonly string[] }[];
}
const ROLE_NAMES = [
  "anonymous",
  "expired key",
  "revoked key",
  "guest",
  "integrator",
  "workspace admin",
  "workspace admin in a browser",
  "contract admin",
  "tenant admin",
  "operator",
  "task identity",
  "narrowed task",
  "limited key",
] as const;
const roles = {} as Record<(typeof ROLE_NAMES)[number], Role>;

const workspacePath = (p: Place): Path => [p.tenantId, p.contractId, p.workspaceId];
const contractPath = (p: Place): Path => [p.tenantId, p.contractId];
const tenantPath = (p: Place): Path => [p.tenantId];

const CREDENTIALS = {
  client_id: "client",
  client_secret: "a secret of the client",
  auth_uri: "https://provider.example.com/auth",
  token_uri: "https://provider.example.com/token",
};

async function made(answer: Promise<{ status: number; body: { data: { id: string } } }>): Promise<string> {
  const { status, body } = await answer;
  if (status > 201) throw new Error(JSON.stringify(body));
  return body.data.id;
}

let count = 0;
const unique = () => `Thing ${++count}`;

function clientAt(owner: Person, place: Place, level: "workspace" | "contract" | "tenant"): Promise<string> {
  return made(
    call(createClient, {
      method: "POST",
      as: owner.basic,
      json: {
        data: {
          type: "auth-client",
          attributes: { type: "oauth2", name: unique(), credentials: CREDENTIALS },
          relationships: { [level]: { data: { id: place[`${level}Id`], type: level } } },
        },
      },
    }),
  );
}

function secretAt(owner: Person, place: Place, clientId: string): Promise<string> {
  return made(
    postSecret(
      place,
      owner.basic,
      { name: unique(), credentials: { access_token: `token of ${unique()}` }, allowed_hosts: ["127.0.0.1:1"] },
      clientId,
    ),
  );
}

/** Its address is nowhere, and is so only past the form, which takes no such address. */
async function webhookAt(owner: Person, place: Place): Promise<string> {
  const id = await made(
    call(createWebhook, {
      method: "POST",
      as: owner.basic,
      params: { workspaceId: place.workspaceId },
      json: {
        data: {
          type: "webhook",
          attributes: { name: unique(), url: "https://receiver.example.com/", events: ["client.recovered"] },
        },
      },
    }),
  );
  await database.owner`update webhooks set url = 'http://127.0.0.1:1/' where id = ${id}`;
  return id;
}

async function deliveryOf(place: Place, webhookId: string): Promise<string> {
  const id = newId();
  await database.owner`
    insert into webhook_deliveries (tenant_id, id, webhook_id, workspace_id, event, group_key, body, count, state)
    values (${place.tenantId}, ${id}, ${webhookId}, ${place.workspaceId}, 'client.recovered', 'x', '{}', 1, 'failed')`;
  return id;
}

function componentAt(owner: Person, place: Place): Promise<string> {
  const json = {
    data: {
      type: "component",
      attributes: { name: unique() },
      relationships: { contract: { data: { id: place.contractId, type: "contract" } } },
    },
  };
  return made(call(createComponent, { method: "POST", as: owner.basic, json }));
}

/** A secret that can open an endpoint. */
function openerAt(owner: Person, place: Place): Promise<string> {
  const attributes = { name: unique(), type: "basic", credentials: { username: "u", password: "p" } };
  return made(postSecret(place, owner.basic, attributes));
}

function endpointAt(owner: Person, place: Place): Promise<string> {
  return made(
    call(createEndpoint, {
      method: "POST",
      as: owner.basic,
      params: { workspaceId: place.workspaceId },
      json: { data: { type: "endpoint", attributes: { name: unique() } } },
    }),
  );
}

async function newSession(userId: string): Promise<{ id: string; auth: Record<string, string> }> {
  const auth = await makeSession(userId);
  const [row] = await database.owner<{ id: string }[]>`
    select id from sessions where user_id = ${userId} order by created_at desc, id desc limit 1`;
  return { id: row?.id ?? "", auth };
}

async function makeSite(place: Place): Promise<Site> {
  const owner = await makePerson(place, OWNER);
  const at = workspacePath(place);
  const client = await clientAt(owner, place, "workspace");
  const webhook = await webhookAt(owner, place);
  return {
    place,
    owner,
    things: {
      client: { kind: "client", id: client, at },
      contractClient: { kind: "client", id: await clientAt(owner, place, "contract"), at: contractPath(place) },
      tenantClient: { kind: "client", id: await clientAt(owner, place, "tenant"), at: tenantPath(place) },
      secret: { kind: "secret", id: await secretAt(owner, place, client), at },
      opener: { kind: "secret", id: await openerAt(owner, place), at },
      endpoint: { kind: "endpoint", id: await endpointAt(owner, place), at },
      component: { kind: "component", id: await componentAt(owner, place), at: contractPath(place) },
      task: { kind: "task", id: (await makeTask(place)).id, at },
      webhook: { kind: "webhook", id: webhook, at },
      delivery: { kind: "delivery", id: await deliveryOf(place, webhook), at },
      user: { kind: "user", id: owner.id, at: tenantPath(place), owner: owner.id },
      key: { kind: "key", id: owner.keyId, at: [], owner: owner.id },
      session: { kind: "session", id: (await newSession(owner.id)).id, at: [], owner: owner.id },
    },
  };
}

beforeAll(async () => {
  const place = await makePlace();
  const sibling = { ...place, workspaceId: await addWorkspace(place) };
  const contractId = await addContract(place.tenantId);
  const elsewhere = { ...place, contractId, workspaceId: "" };
  elsewhere.workspaceId = await addWorkspace(elsewhere);
  sites.own = await makeSite(place);
  sites.sibling = await makeSite(sibling);
  sites.contract = await makeSite(elsewhere);
  sites.tenant = await makeSite(await makePlace());

  const w = workspacePath(place);
  const person = async (at: Path, given: Parameters<typeof makePerson>[1], permissions: readonly string[]) => {
    const { id, basic } = await makePerson(place, given);
    return { auth: basic, userId: id, grants: [{ at, permissions }] } satisfies Role;
  };
  roles.anonymous = { auth: {}, nobody: true, userId: null, grants: [] };
  const expired = await makePerson(place, OWNER, { keyExpiresAt: new Date(Date.now() - 60_000) });
  roles["expired key"] = { auth: expired.basic, nobody: true, userId: null, grants: [] };
  const revoked = await makePerson(place, OWNER);
  await database.owner`delete from api_keys where id = ${revoked.keyId}`;
  roles["revoked key"] = { auth: revoked.basic, nobody: true, userId: null, grants: [] };
  roles.guest = await person(w, { workspace: "guest" }, ROLES.workspace.guest);
  roles.integrator = await person(w, { workspace: "integrator" }, ROLES.workspace.integrator);
  roles["workspace admin"] = await person(w, { workspace: "admin" }, ROLES.workspace.admin);
  const inBrowser = await person(w, { workspace: "admin" }, ROLES.workspace.admin);
  roles["workspace admin in a browser"] = {
    ...inBrowser,
    session: true,
    auth: (await newSession(inBrowser.userId)).auth,
  };
  roles["contract admin"] = await person(contractPath(place), { contract: "admin" }, ROLES.contract.admin);
  roles["tenant admin"] = await person(tenantPath(place), { tenant: "admin" }, ROLES.tenant.admin);
  const operator = await makePerson(null, { operator: true });
  roles.operator = {
    auth: operator.basic,
    userId: operator.id,
    grants: [{ at: [], permissions: ROLES.instance.operator }],
  };
  const task = async (permissions: readonly string[]) => {
    const { basic } = await makeTask(place, permissions);
    return { auth: basic, task: true, userId: null, grants: [{ at: w, permissions }] } satisfies Role;
  };
  roles["task identity"] = await task(TASK_PERMISSIONS);
  roles["narrowed task"] = await task(["workspaces.auth_secret.get"]);
  // Of who owns everything, everywhere: what its person may do must show nowhere.
  const master = await makePerson(place, { ...OWNER, operator: true });
  for (const { place: other } of [sites.sibling, sites.contract, sites.tenant])
    await addRoles(master.id, other, { workspace: "owner" });
  await addRoles(master.id, sites.tenant.place, { tenant: "owner", contract: "owner" });
  const limits = ["workspaces.auth_secret.get", "workspaces.auth_clients.get", "workspaces.workspace.edit"];
  await database.owner`update api_keys set permissions = ${limits}, workspace_ids = ${[place.workspaceId]}
    where id = ${master.keyId}`;
  roles["limited key"] = {
    auth: master.basic,
    limited: true,
    userId: master.id,
    grants: [{ at: w, permissions: limits }],
  };
});

// ---------------------------------------------------------------- requests

/** The values of the id positions of one request; a position without one is left out of the request. */
type Ids = Record<string, Thing>;

/**
 * Positions that only narrow a list: a foreign id there finds as little as one that does not exist. And where a request passes on to: a host
 * and a path of somebody else's.
 */
const isFilter = (position: string) => position.includes("filter[") || position === "path.target";
/** Repeats the id in the path. */
const isEcho = (position: string) => position === "body.data.id";

/** Which positions go together, where they do not all; together they must cover the definition's. */
const SHAPES: Record<string, string[][]> = {
  "GET /v2/auth-clients": [
    [], ["query.workspace_id"], ["query.contract_id"], ["query.tenant_id"], ["query.workspace_id", "query.filter[component]"],
  ],
  "POST /v2/auth-clients": [
    [], ["body.data.relationships.workspace.data.id", "body.data.relationships.components.data[].id"],
    ["body.data.relationships.contract.data.id"], ["body.data.relationships.tenant.data.id"],
  ],
  "GET /v2/auth-clients/{id}": [["path.id", "query.workspace_id"], ["path.id", "query.contract_id"], ["path.id", "query.tenant_id"]],
  "GET /v2/auth-clients/{id}/usage": [["path.id", "query.workspace_id"], ["path.id", "query.contract_id"], ["path.id", "query.tenant_id"]],
  "GET /v2/users": [[], ["query.tenant_id"]],
  "GET /v2/workspaces": [[], ["query.contract_id"]],
  "POST /v2/contracts": [["body.data.relationships.tenant.data.id"]],
  "GET /v2/workspaces/{workspaceId}/redirect-uri": [["path.workspaceId"], ["path.workspaceId", "query.auth_client"]],
  "POST /v2/workspaces/{workspaceId}/secrets": [["path.workspaceId"], ["path.workspaceId", "body.data.relationships.auth_client.data.id"]],
  "POST /v2/workspaces/{workspaceId}/secret-test": [["path.workspaceId"], ["path.workspaceId", "body.data.relationships.auth_client.data.id"]],
  "POST /v2/workspaces/{workspaceId}/webhooks": [["path.workspaceId"], ["path.workspaceId", "body.data.relationships.auth_secret.data.id"]],
  "PATCH /v2/workspaces/{workspaceId}/webhooks/{webhookId}": [
    ["path.workspaceId", "path.webhookId", "body.data.id"],
    ["path.workspaceId", "path.webhookId", "body.data.relationships.auth_secret.data.id"],
  ],
}; // biome-ignore format: a table

/** What an id at this position names, at a site; objects that the request may change or delete are made anew. */
function thingFor(route: string, position: string, shape: readonly string[], site: Site): Thing {
  const { place, things } = site;
  const last = position.replace(/^(path|query|body\.data\.relationships)\./, "").replace(/\.data(\[\])?\.id$/, "");
  switch (last) {
    case "workspaceId":
    case "workspace_id":
    case "workspace":
      return { kind: "workspace", id: place.workspaceId, at: workspacePath(place) };
    case "contract_id":
    case "contract":
      return { kind: "contract", id: place.contractId, at: contractPath(place) };
    case "tenant_id":
    case "tenant":
      return { kind: "tenant", id: place.tenantId, at: tenantPath(place) };
    case "target":
      return { kind: "secret", id: "127.0.0.1:1/x", at: things.secret.at };
    case "endpointId":
      return things.endpoint;
    case "secrets":
      return things.opener;
    case "secretId":
    case "auth_secret":
    case "filter[secret]":
      return things.secret;
    case "webhookId":
      return things.webhook;
    case "deliveryId":
      return things.delivery;
    case "auth_client":
    case "filter[auth_client]":
      return things.client;
    case "components":
    case "filter[component]":
      return things.component;
    case "sessionId":
      return things.session;
    case "kid":
      // Chosen among the secret's own keys, and the same everywhere: whose it is is the secret's to say.
      return { kind: "secret", id: "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs", at: workspacePath(place) };
    case "filter[user]":
      return things.user;
    case "id":
      break;
    default:
      throw new Error(`${route}: nothing is known of the id position ${position}; teach thingFor about it.`);
  }
  const path = route.slice(route.indexOf("/"));
  if (path.startsWith("/v2/auth-clients/")) {
    if (shape.includes("query.contract_id")) return things.contractClient;
    return shape.includes("query.tenant_id") ? things.tenantClient : things.client;
  }
  if (path.startsWith("/v2/components/")) return things.component;
  if (path.startsWith("/v2/contracts/")) return { kind: "contract", id: place.contractId, at: contractPath(place) };
  if (path.startsWith("/v2/tenants/")) return { kind: "tenant", id: place.tenantId, at: tenantPath(place) };
  if (path.startsWith("/v2/users/me/api-keys/")) return things.key;
  if (path.startsWith("/v2/users/me/sessions/")) return things.session;
  if (path.startsWith("/v2/users/")) return things.user;
  if (path.includes("/task-identities/")) return things.task;
  throw new Error(`${route}: nothing is known of {id}; teach thingFor about it.`);
}

const data = (type: string, attributes: unknown, relationships?: unknown) => ({
  data: { type, attributes, relationships },
});

/** A good body for each route that takes one; the ids of the request are put in after. */
const BODIES: Record<string, () => Record<string, unknown>> = {
  "POST /v2/auth-clients": () => data("auth-client", { type: "oauth2", name: unique(), credentials: CREDENTIALS }),
  "PATCH /v2/auth-clients/{id}": () => data("auth-client", { name: unique() }),
  "POST /v2/components": () => data("component", { name: unique() }),
  "POST /v2/contracts": () => data("contract", { name: unique() }),
  "POST /v2/discovery": () => ({ issuer: "https://127.0.0.1" }),
  "POST /v2/users/me/api-keys": () => data("api-key", { name: unique() }),
  "POST /v2/users/me/password": () => ({ current: "this is not the password", password: "a new password of a person" }),
  "POST /v2/users/me/reauthenticate": () => ({ password: "this is not the password" }),
  "POST /v2/workspaces": () => data("workspace", { name: unique() }),
  "PATCH /v2/tenants/{id}": () => data("tenant", { reveal: "step_up" }),
  "PATCH /v2/workspaces/{workspaceId}": () => data("workspace", { name: unique() }),
  "POST /v2/workspaces/{workspaceId}/secrets": () =>
    data("auth-secret", { name: unique(), type: "basic", credentials: { username: "u", password: "p" } }),
  "PATCH /v2/workspaces/{workspaceId}/secrets/{secretId}": () => data("auth-secret", { name: unique() }),
  "POST /v2/workspaces/{workspaceId}/secrets/{secretId}/authorize": () => ({}),
  "POST /v2/workspaces/{workspaceId}/secrets/{secretId}/refresh": () => ({}),
  "POST /v2/workspaces/{workspaceId}/secrets/{secretId}/refused": () => ({ fingerprint: "of some older token" }),
  "POST /v2/workspaces/{workspaceId}/secrets/{secretId}/request": () => ({ url: "https://127.0.0.1:1/" }),
  "POST /v2/workspaces/{workspaceId}/secrets/{secretId}/reveal": () => ({ field: "access_token" }),
  "POST /v2/workspaces/{workspaceId}/secrets/{secretId}/keys/rotate": () => ({}),
  "POST /v2/workspaces/{workspaceId}/secrets/{secretId}/jwt/sign": () => ({}),
  "POST /v2/workspaces/{workspaceId}/secrets/{secretId}/jwt/verify": () => ({ token: "a.b.c" }),
  "POST /v2/workspaces/{workspaceId}/secrets/{secretId}/jwt/encrypt": () => ({ plaintext: "x" }),
  "POST /v2/workspaces/{workspaceId}/secrets/{secretId}/jwt/decrypt": () => ({ token: "a.b.c" }),
  "POST /v2/workspaces/{workspaceId}/secrets/{secretId}/sql": () => ({ statement: "select 1" }),
  "POST /v2/workspaces/{workspaceId}/secrets/{secretId}/test": () => ({}),
  "POST /v2/workspaces/{workspaceId}/secret-test": () =>
    data("auth-secret", { name: unique(), type: "basic", credentials: { username: "u", password: "p" } }),
  "POST /v2/workspaces/{workspaceId}/endpoints": () => data("endpoint", { name: unique() }),
  "PATCH /v2/workspaces/{workspaceId}/endpoints/{endpointId}": () => data("endpoint", { name: unique() }),
  "POST /v2/workspaces/{workspaceId}/webhooks": () =>
    data("webhook", { name: unique(), url: "https://receiver.example.com/", events: ["client.recovered"] }),
  "PATCH /v2/workspaces/{workspaceId}/webhooks/{webhookId}": () => data("webhook", { name: unique() }),
  "POST /v2/workspaces/{workspaceId}/webhooks/{webhookId}/test": () => ({}),
  "POST /v2/workspaces/{workspaceId}/webhooks/{webhookId}/rotate": () => ({}),
  "POST /v2/workspaces/{workspaceId}/webhooks/{webhookId}/deliveries/{deliveryId}/redeliver": () => ({}),
  "POST /v2/workspaces/{workspaceId}/task-identities": () =>
    data("task-identity", { name: unique(), permissions: ["workspaces.auth_secret.get"] }),
};

for (const method of ["POST", "PATCH", "PUT", "OPTIONS"])
  BODIES[`${method} /outbound/{secretId}/{target}`] = () => ({});

const RELATED: Record<string, string> = {
  workspace: "workspace",
  contract: "contract",
  tenant: "tenant",
  auth_client: "auth-client",
  auth_secret: "auth-secret",
  components: "component",
  secrets: "auth-secret",
};

/** Sends the route's request with these ids. */
async function send(
  route: Route,
  as: Record<string, string>,
  ids: Ids,
): Promise<{ status: number; text: string; url: string }> {
  const definition = route.definition;
  if (!definition) throw new Error("no definition");
  const params: Record<string, string> = {};
  const query = new URLSearchParams();
  let json: Record<string, unknown> | undefined;
  if (["POST", "PATCH", "PUT"].includes(route.method)) {
    const make = BODIES[definition.route];
    if (!make) throw new Error(`${definition.route}: write a good body for it in BODIES.`);
    json = make();
  }
  for (const [position, { id }] of Object.entries(ids)) {
    if (position.startsWith("path.")) params[position.slice(5)] = id;
    else if (position.startsWith("query.")) query.set(position.slice(6), id);
    else {
      const body = json?.data as {
        id?: string;
        attributes?: Record<string, unknown>;
        relationships?: Record<string, unknown>;
      };
      const name = /^body\.data\.relationships\.(\w+)\.data/.exec(position)?.[1];
      if (!name) body.id = id;
      else {
        const identifier = { id, type: RELATED[name] };
        body.relationships = {
          ...body.relationships,
          [name]: { data: position.includes("[]") ? [identifier] : identifier },
        };
        // A secret of a client has the client's type.
        if (name === "auth_client" && body.attributes?.type)
          body.attributes = { name: body.attributes.name, credentials: {} };
      }
    }
  }
  if (definition.route.endsWith("/redirect-uri")) query.set("name", "a name");
  const path = route.path.replace(/\[(?:\.\.\.)?([^\]]+)\]/g, (_whole, name: string) => params[name] ?? "");
  const url = `${path}${query.size > 0 ? `?${query}` : ""}`;
  const stop = new AbortController();
  const request = new Request(new URL(url, "http://127.0.0.1:3000"), {
    method: route.method,
    headers: { ...(json ? { "content-type": "application/json" } : {}), origin: "http://latchkey.test", ...as },
    body: json && JSON.stringify(json),
    signal: stop.signal,
  });
  const response = await route.handler(request, { params: Promise.resolve(params) });
  if (response.headers.get("content-type")?.startsWith("text/event-stream")) {
    stop.abort();
    await response.body?.cancel();
    return { status: response.status, text: "", url };
  }
  return { status: response.status, text: await response.text(), url };
}

// ---------------------------------------------------------------- what must come

const same = (a: Path, b: Path) => a.length === b.length && a.every((part, i) => part === b[i]);
const within = (outer: Path, inner: Path) => outer.every((part, i) => part === inner[i]);
/** A role may know of what is above it and below it in its own tenant; of the instance everybody may. */
const reaches = (role: Role, at: Path) =>
  role.grants.some((grant) => within(at, grant.at) || (grant.at.length > 0 && within(grant.at, at)));
const LEVELS = ["global", "tenants", "contracts", "workspaces"];
const held = (role: Role, permission: string, at: Path) =>
  role.grants.some(({ at: grantedAt, permissions }) => {
    if (!same(grantedAt, at)) return false;
    if (permission.startsWith("{scope}.")) {
      const action = permission.slice("{scope}.".length);
      return [`${LEVELS[at.length]}.${action}`, `global.${action}`].some((name) => permissions.includes(name));
    }
    return permissions.includes(permission) || (USE_IMPLIED.has(permission) && permissions.includes(GET_CREDENTIALS));
  });
const GET_CREDENTIALS = "workspaces.auth_secret.get_credentials";
const USE_IMPLIED = new Set(["workspaces.auth_secret.use", "workspaces.auth_secret.get"]);
const member = (role: Role, contract: Path) =>
  !role.limited && role.grants.some(({ at }) => at.length >= 2 && within(contract, at));

/** Allowed besides the permission of the definition. */
const ALSO: Record<string, (role: Role, ids: Ids) => boolean> = {
  // A step knows its own workspace and contract by id (CONTRACT section 1).
  "GET /v2/workspaces/{workspaceId}": (role, ids) => {
    const at = ids["path.workspaceId"]?.at ?? [];
    return (
      (role.task === true && role.grants.some((g) => same(g.at, at))) ||
      held(role, "workspaces.workspace.listAll", at.slice(0, 2))
    );
  },
  "GET /v2/contracts/{id}": (role, ids) => role.task === true && member(role, ids["path.id"]?.at ?? []),
  // Components are what the steps of a contract are made of: its members see them (CONTRACT section 6).
  "GET /v2/components": (role, ids) => member(role, ids["query.contract_id"]?.at ?? []),
  "GET /v2/components/{id}": (role, ids) => {
    const at = ids["path.id"]?.at ?? [];
    return member(role, at) || held(role, "tenants.component.list_all", at.slice(0, 1));
  },
};

/** Compared with what is stored and never looked up: another id is refused whatever it names. */
const COMPARED: Record<string, string> = {
  "PATCH /v2/workspaces/{workspaceId}/secrets/{secretId}": "body.data.relationships.auth_client.data.id",
};

/** Never allowed, whatever is held. */
const NEVER: Record<string, (role: Role) => boolean> = {
  // Lists of places are for people.
  "GET /v2/tenants": (role) => role.task === true,
  "GET /v2/contracts": (role) => role.task === true,
  "GET /v2/workspaces": (role) => role.task === true,
  "GET /v2/users/{id}": (role) => role.task === true,
  // Tokens are for keys, passwords for browsers.
  "GET /v2/workspaces/{workspaceId}/secrets/{secretId}/token": (role) => role.session === true,
  "POST /v2/workspaces/{workspaceId}/secrets/{secretId}/refused": (role) => role.session === true,
  "POST /v2/users/me/password": (role) => !role.session,
  // Requests pass through for keys only.
  ...Object.fromEntries(
    ["GET", "POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS"].map((method) => [
      `${method} /outbound/{secretId}/{target}`,
      (role: Role) => role.session === true,
    ]),
  ),
  "POST /v2/users/me/reauthenticate": (role) => !role.session,
};

/** Answers of 404 in the ordinary course: nothing has failed yet. */
const EMPTY = new Set(["GET /v2/workspaces/{workspaceId}/secrets/{secretId}/authorization-failure"]);

type Expected = 401 | 403 | 404 | "in the body" | "allowed";

function expected(route: string, level: string, permission: string, role: Role, ids: Ids): Expected {
  if (role.nobody) return 401;
  if (NEVER[route]?.(role) && level !== "workspace") return 403;
  // A limited key knows nobody but its person, and is told so before anybody is looked for.
  if (route === "GET /v2/users/{id}" && role.limited && ids["path.id"]?.owner !== role.userId) return 403;
  if (level === "self") return judgeOwn(route, permission, role, ids);
  if (/\/v2\/users\/\{id\}\/sessions/.test(route)) return judgeSessions(permission, role, ids);
  const at = whereAsked(level, role, ids);
  // The operator knows every tenant there is, and nothing in it.
  if (route === "GET /v2/tenants/{id}" && at?.length === 1 && held(role, permission, [])) return "allowed";
  if (at === null || !reaches(role, at)) return 404;
  const allowed =
    permission === "caller" ||
    held(role, permission, at) ||
    ALSO[route]?.(role, ids) ||
    heldSomewhere(permission, role, at, ids);
  if (route === "GET /v2/users/{id}") return reaches(role, at) ? "allowed" : 404;
  return allowed && !NEVER[route]?.(role) ? judgeReferences(at, ids) : 403;
}

/** What a limited key may do for its person's account: know whose it is, make one no stronger, and see itself. */
const LIMITED_MAY = new Set(["GET /v2/users/me", "POST /v2/users/me/api-keys", "GET /v2/users/me/api-keys/{id}"]);

/** Whose account this is decides, and of discovery only whether a client could be made at all. */
function judgeOwn(route: string, permission: string, role: Role, ids: Ids): Expected {
  if (route === "POST /v2/discovery") return role.grants.some(({ at }) => held(role, permission, at)) ? "allowed" : 403;
  if (role.task) return 403;
  if (role.limited && !LIMITED_MAY.has(route)) return 403;
  const own = Object.values(ids).every((thing) => thing.owner === role.userId);
  if (role.limited && !own) return 403;
  return own ? "allowed" : 404;
}

/** Sessions of others: for the operator whoever it is, for others within their tenant; and only that person's own. */
function judgeSessions(permission: string, role: Role, ids: Ids): Expected {
  const person = ids["path.id"];
  if (!person?.at) return 404;
  if (!held(role, permission, [])) {
    if (!role.grants.some(({ at }) => at.length > 0 && at[0] === person.at?.[0])) return 404;
    if (!held(role, permission, person.at.slice(0, 1))) return 403;
  }
  const session = ids["path.sessionId"];
  return !session || session.owner === person.owner ? "allowed" : 404;
}

/** The place whose permission is asked for; null when there is none such. */
function whereAsked(level: string, role: Role, ids: Ids): Path | null {
  if (level === "none" && Object.keys(ids).length === 0) return role.grants[0]?.at ?? [];
  const named = Object.entries(ids).filter(([position]) => !isFilter(position) && !isEcho(position));
  const placed = named.find(([, thing]) => ["workspace", "contract", "tenant"].includes(thing.kind));
  const [, thing] = placed ?? named[0] ?? [];
  // Without a place a task looks from its own workspace, anybody else from the instance.
  if (!thing) return role.task ? (role.grants[0]?.at ?? []) : [];
  return thing.at;
}

/** To list or read global clients, `.get` anywhere is enough. */
const heldSomewhere = (permission: string, role: Role, at: Path, ids: Ids) =>
  at.length === 0 &&
  permission === "{scope}.auth_clients.get" &&
  Object.keys(ids).length === 0 &&
  role.grants.some((grant) => held(role, permission, grant.at));

/** The other ids must lie where the first one says, or be seen from there. */
function judgeReferences(at: Path, ids: Ids): Expected {
  for (const [position, thing] of Object.entries(ids)) {
    if (isFilter(position) || isEcho(position) || ["workspace", "contract", "tenant"].includes(thing.kind)) continue;
    const there =
      thing.at !== null &&
      (thing.kind === "client" || thing.kind === "component" || thing.kind === "user"
        ? within(thing.at, at) || same(thing.at, at)
        : same(thing.at, at));
    if (!there) return position.startsWith("body.") ? "in the body" : 404;
  }
  return "allowed";
}

// ---------------------------------------------------------------- what the database says

/** A digest of every table but the audit's; when keys and sessions were last used is left out. */
async function fingerprint(): Promise<string> {
  const parts = (await tables()).map(
    (name) =>
      `select '${name}' as t, count(*)::text || '/' || coalesce(sum(hashtextextended((to_jsonb(x) - 'last_used_at' - 'seen_at')::text, 0)), 0)::text as d from ${name} x`,
  );
  const rows = await database.owner.unsafe(parts.join(" union all "));
  return rows.map((row) => `${row.t} ${row.d}`).join("\n");
}

let names: string[] | undefined;
async function tables(): Promise<string[]> {
  names ??= (
    await database.owner<{ name: string }[]>`select tablename as name from pg_tables where schemaname = 'public'
      and tablename not in ('audit_entries', 'sign_in_failures') and tablename not like 'latchkey%' order by 1`
  ).map((row) => row.name);
  return names;
}

async function denials(): Promise<number> {
  const [row] = await database.owner`select count(*)::int as n from audit_entries where outcome <> 'allowed'`;
  return row?.n;
}

const plain = (text: string) => text.replace(/"id":"[^"]*",("status")/g, '"id":"…",$1');

// ---------------------------------------------------------------- the matrix

const key = (ids: Ids) =>
  Object.values(ids)
    .map((thing) => thing.id)
    .join(" ");

/** The things this shape names at a site; what repeats the id of the path follows it. */
function idsAt(route: string, shape: readonly string[], site: Site): Ids {
  return echoing(
    shape,
    Object.fromEntries(
      shape.filter((one) => !isEcho(one)).map((position) => [position, thingFor(route, position, shape, site)]),
    ),
  );
}

function echoing(shape: readonly string[], ids: Ids): Ids {
  const echo = shape.find(isEcho);
  const path = shape.filter((one) => one.startsWith("path.")).at(-1);
  return echo && path ? { ...ids, [echo]: ids[path] as Thing } : ids;
}

/** Own ids everywhere, then each position in turn, and all together, at each of the other sites. */
function* requestsOf(
  route: string,
  positions: readonly string[],
  home: Site,
  others: Record<SiteName, Site>,
): Generator<{ site: SiteName; position: string; ids: Ids; absent: Ids }> {
  for (const shape of SHAPES[route] ?? [[...positions]]) {
    const own = idsAt(route, shape, home);
    yield { site: "own", position: "every", ids: own, absent: own };
    const seen = new Set([key(own)]);
    for (const site of SITES.slice(1)) {
      const there = idsAt(route, shape, others[site]);
      for (const position of [...shape.filter((one) => !isEcho(one)), "every"]) {
        const ids = position === "every" ? there : echoing(shape, { ...own, [position]: there[position] as Thing });
        if (seen.has(key(ids))) continue;
        seen.add(key(ids));
        // The same request with ids that name nothing in place of the foreign ones.
        const absent = Object.fromEntries(
          Object.entries(ids).map(([at, thing]) => [
            at,
            thing.id === own[at]?.id ? thing : { ...thing, id: newId(), at: null },
          ]),
        );
        yield { site, position, ids, absent: echoing(shape, absent) };
      }
    }
  }
}

/** The role's own things, made anew where the request may change them. */
async function homeOf(role: Role, route: Route): Promise<Site> {
  const { own } = sites;
  const home: Site = { ...own, things: { ...own.things } };
  if (role.userId) {
    home.things.user = { kind: "user", id: role.userId, at: role.grants[0]?.at ?? [], owner: role.userId };
    home.things.session = { kind: "session", id: (await newSession(role.userId)).id, at: [], owner: role.userId };
    const [row] = await database.owner<
      { id: string }[]
    >`select id from api_keys where user_id = ${role.userId} limit 1`;
    home.things.key = { kind: "key", id: row?.id ?? "", at: [], owner: role.userId };
  }
  return route.method === "DELETE" ? renewed(home, route, role) : home;
}

/** The site with a new one of what the route deletes. */
async function renewed(site: Site, route: Route, role: Role): Promise<Site> {
  const { place, owner } = site;
  const things = { ...site.things };
  const at = workspacePath(place);
  const address = route.definition?.route ?? "";
  if (address.includes("{endpointId}")) things.endpoint = { kind: "endpoint", id: await endpointAt(owner, place), at };
  if (address.includes("{secretId}"))
    things.secret = { kind: "secret", id: await secretAt(owner, place, things.client.id), at };
  if (address.includes("{webhookId}")) things.webhook = { kind: "webhook", id: await webhookAt(owner, place), at };
  if (address.includes("/auth-clients/"))
    things.client = { kind: "client", id: await clientAt(owner, place, "workspace"), at };
  if (address.includes("/components/"))
    things.component = { kind: "component", id: await componentAt(owner, place), at: contractPath(place) };
  if (address.includes("{sessionId}") && things.user.owner)
    things.session = {
      kind: "session",
      id: (await newSession(things.user.owner)).id,
      at: [],
      owner: things.user.owner,
    };
  if (address.includes("/task-identities/")) things.task = { kind: "task", id: (await makeTask(place)).id, at };
  if (address.includes("/api-keys/") && site.things.user.owner === role.userId && role.userId) {
    const id = newId();
    await database.owner`insert into api_keys (tenant_id, id, kind, user_id, name, hint, key_mac, created_by)
      values (repeat('0', 24), ${id}, 'user', ${role.userId}, 'spare', 'spare', ${id}, 'test')`;
    things.key = { kind: "key", id, at: [], owner: role.userId };
  }
  return { ...site, things };
}

/** Ids of places and things out of this role's reach that stand in an answer, other than those it asked for itself. */
function foreignIn(text: string, role: Role, ids: Ids): string[] {
  // The operator knows every tenant and person by office.
  if (role === roles.operator) return [];
  const asked = new Set(Object.values(ids).map((thing) => thing.id));
  return SITES.slice(1).flatMap((name) => {
    const { place, owner, things } = sites[name];
    if (reaches(role, workspacePath(place))) return [];
    const known = [
      place.workspaceId,
      ...Object.values(things).map((thing) => (reaches(role, thing.at ?? []) ? "" : thing.id)),
    ];
    if (name === "tenant") known.push(place.tenantId, place.contractId, owner.email);
    return known.filter((id) => id !== "" && !asked.has(id) && text.includes(id)).map((id) => `${name}: ${id}`);
  });
}

const withoutIds = (text: string, ids: Ids) =>
  Object.values(ids).reduce((left, { id }) => left.replaceAll(id, "…"), text);

describe.each(guarded.map((route) => [route.definition.route, route] as const))("%s", (address, route) => {
  const { permission, level, ids: positions } = route.definition.access;

  test("every id position is exercised", () => {
    const covered = new Set((SHAPES[address] ?? [positions]).flat());
    expect([...covered].sort()).toEqual([...positions].sort());
  });

  test.each(ROLE_NAMES)("as %s", async (name) => {
    const role = roles[name];
    const home = await homeOf(role, route);
    const others = { ...sites };
    if (route.method === "DELETE")
      for (const one of SITES.slice(1)) others[one] = await renewed(sites[one], route, role);
    // What may be allowed goes last, because it may delete what the others are tried on.
    const all = [...requestsOf(address, positions, home, others)].reverse();
    // What the tables held after the last refusal: nothing has touched them since, unless something was allowed.
    let known: string | null = null;
    for (const { site, position, ids, absent } of all) {
      const want = expected(address, level, permission, role, ids);
      const about = `${position} of ${site}`;
      if (want === "allowed") {
        const { status, text } = await send(route, role.auth, ids);
        const empty = EMPTY.has(address) && status === 404;
        if ([401, 403, 404].includes(status) && !empty)
          expect.fail(`${about}: expected to be allowed, got ${status} ${text}`);
        expect(status, `${about}: ${text}`).toBeLessThan(500);
        expect(foreignIn(text, role, ids), `${about}: ${text}`).toEqual([]);
        // A foreign id in a filter finds as little, and is counted as little, as one that names nothing.
        if (Object.keys(ids).some((at) => isFilter(at) && ids[at]?.id !== absent[at]?.id)) {
          const unknown = await send(route, role.auth, absent);
          expect(withoutIds(text, ids), about).toBe(withoutIds(unknown.text, absent));
        }
        known = null;
        continue;
      }
      const before: { rows: string; denied: number } = {
        rows: known ?? (await fingerprint()),
        denied: await denials(),
      };
      const { status, text, url } = await send(route, role.auth, ids);
      const after = { rows: await fingerprint(), denied: await denials() };
      known = after.rows;
      expect(`${about}: ${status}`, `${url} ${text}`).toBe(`${about}: ${want === "in the body" ? 400 : want}`);
      expect(after.rows, `${about}: something was written`).toBe(before.rows);
      expect(`${about}: ${after.denied - before.denied} entries`, `${url} ${text}`).toBe(
        `${about}: ${want === 401 || (want === "in the body" && COMPARED[address] === position) ? 0 : 1} entries`,
      );
      if (want === 404 || want === "in the body") {
        const unknown = await send(route, role.auth, absent);
        expect(plain(text), `${about}: differs from an id that does not exist`).toBe(plain(unknown.text));
        expect(status).toBe(unknown.status);
      }
    }
  });
});

describe("the way to the provider, GET /api/oauth/authorize/{secretId}", () => {
  const leg = defined.find((route) => route.definition.route === "GET /api/oauth/authorize/{secretId}") as Route;
  const open = async (as: Record<string, string>, id: string) => {
    const request = new Request(`http://127.0.0.1:3000/api/oauth/authorize/${id}`, { headers: as });
    const response = await leg.handler(request, { params: Promise.resolve({ secretId: id }) });
    const location = response.headers.get("location") ?? "";
    return { status: response.status, location: location.replace(/^http:\/\/latchkey\.test/, "") };
  };

  test.each(["guest", "integrator", "workspace admin", "contract admin", "tenant admin", "operator"] as const)(
    "as %s",
    async (name) => {
      const role = roles[name];
      const { auth } = await newSession(role.userId ?? "");
      for (const site of SITES) {
        const { secret } = sites[site].things;
        const at = secret.at as Path;
        const before = { rows: await fingerprint(), denied: await denials() };
        const { status, location } = await open(auth, secret.id);
        const after = { rows: await fingerprint(), denied: await denials() };
        expect(status).toBe(303);
        if (held(role, "workspaces.auth_secret.edit", at)) {
          expect(location).toContain("https://provider.example.com/auth?");
          continue;
        }
        expect(after.rows, site).toBe(before.rows);
        expect(`${site}: ${after.denied - before.denied}`).toBe(`${site}: 1`);
        if (reaches(role, at))
          expect(location).toBe(`/workspaces/${at[2]}/secrets/${secret.id}/failed?reason=forbidden`);
        else expect(location).toBe((await open(auth, newId())).location);
      }
    },
  );

  test("nobody gets further than the sign-in", async () => {
    const { secret } = sites.own.things;
    for (const as of [
      roles.anonymous.auth,
      roles["expired key"].auth,
      roles["task identity"].auth,
      sites.own.owner.basic,
    ])
      expect((await open(as, secret.id)).location).toMatch(/^\/sign-in\?from=/);
  });
});

/** Next once let this header switch off what stood in front of handlers (CVE-2025-29927); here nothing does (SES-6). */
test("x-middleware-subrequest changes no refusal", async () => {
  const header = { "x-middleware-subrequest": Array(5).fill("src/middleware").join(":") };
  let refused = 0;
  for (const route of guarded) {
    const { permission, level, ids: positions } = route.definition.access;
    for (const role of [roles.anonymous, roles.guest])
      for (const { site, ids } of requestsOf(route.definition.route, positions, sites.own, sites)) {
        const want = expected(route.definition.route, level, permission, role, ids);
        if (site !== "own" || typeof want !== "number") continue;
        const { status, url } = await send(route, { ...role.auth, ...header }, ids);
        expect(`${url} ${status}`).toBe(`${url} ${want}`);
        refused += 1;
      }
  }
  expect(refused).toBeGreaterThan(guarded.length);
});

/** Rows of the other tenant, in every table. */
async function theirs(): Promise<string> {
  const { tenantId } = sites.tenant.place;
  const parts = (await tables()).map(
    (name) =>
      `select '${name}' as t, coalesce(string_agg(to_jsonb(x)::text, '' order by to_jsonb(x)::text), '') as d from ${name} x where tenant_id = '${tenantId}'`,
  );
  return JSON.stringify(await database.owner.unsafe(parts.join(" union all ")));
}

/** What is left is where things are looked for (lib/accounts/places.ts), each query's own tenant, and row-level security. */
describe("with the first wall switched off", () => {
  beforeAll(() => {
    wall.off = true;
  });
  afterAll(() => {
    wall.off = false;
  });

  test.each(guarded.map((route) => [route.definition.route, route] as const))(
    "%s neither shows nor changes a row of another tenant",
    async (address, route) => {
      for (const name of ["guest", "tenant admin", "task identity"] as const) {
        const role = roles[name];
        const home = await homeOf(role, route);
        const before = await theirs();
        for (const { site, ids } of requestsOf(address, route.definition.access.ids, home, sites)) {
          if (site !== "tenant") continue;
          const { text, status } = await send(route, role.auth, ids);
          expect(status, text).toBeLessThan(500);
          expect(foreignIn(text, role, ids), `${name}: ${text}`).toEqual([]);
        }
        expect(await theirs()).toBe(before);
      }
    },
  );

  test("and it is off: a guest does here what only an owner may", async () => {
    const route = guarded.find((one) => one.definition.route === "PATCH /v2/workspaces/{workspaceId}") as Route;
    const { place } = sites.own;
    const ids = { "path.workspaceId": { kind: "workspace", id: place.workspaceId, at: workspacePath(place) } } as const;
    expect((await send(route, roles.guest.auth, ids)).status).toBe(200);
    wall.off = false;
    expect((await send(route, roles.guest.auth, ids)).status).toBe(403);
    wall.off = true;
  });
});

/**
 * Nothing but row-level security: nobody is asked for permissions, places are found in any tenant, and queries name the tenant
 * of what they found. What is read through a named door (one secret, latchkey_read_secret) names its tenant itself and is left out.
 */
describe("with row-level security as the only wall", () => {
  beforeAll(() => {
    wall.off = true;
    wall.bound = sites.own.place.tenantId;
  });
  afterAll(() => {
    wall.off = false;
    wall.bound = null;
  });
  const throughDoor = ({ route }: { route: string }) => /^(GET|POST) .*\{secretId\}/.test(route);

  test.each(
    guarded
      .filter(({ definition }) => !throughDoor(definition))
      .map((route) => [route.definition.route, route] as const),
  )("%s neither shows nor changes a row of another tenant", async (address, route) => {
    const role = roles["tenant admin"];
    const before = await theirs();
    for (const { site, ids } of requestsOf(address, route.definition.access.ids, sites.own, sites)) {
      if (site !== "tenant") continue;
      const { text } = await send(route, role.auth, ids);
      expect(foreignIn(text, role, ids), text).toEqual([]);
    }
    expect(await theirs()).toBe(before);
  });

  test("and it is: bound to the other tenant the same call shows its rows", async () => {
    const route = guarded.find((one) => one.definition.route === "GET /v2/workspaces/{workspaceId}/secrets") as Route;
    const { place, things } = sites.tenant;
    const ids = { "path.workspaceId": { kind: "workspace", id: place.workspaceId, at: workspacePath(place) } } as const;
    const ask = async () => (await send(route, roles["tenant admin"].auth, ids)).text;
    expect(await ask()).not.toContain(things.secret.id);
    wall.bound = place.tenantId;
    expect(await ask()).toContain(things.secret.id);
    wall.bound = sites.own.place.tenantId;
  });
});

describe("row-level security alone, as latchkey_app in another tenant", () => {
  /** Rows of the instance that every tenant may see: global clients, the code of its redirect names (drizzle/security.sql). */
  const SHARED = new Set(["auth_clients", "auth_client_components", "auth_client_state", "tenants"]);

  test("no table shows a foreign row, takes one, or lets one be changed", async () => {
    const { tenantId } = sites.tenant.place;
    const all = [...(await tables()), "audit_entries", "sign_in_failures"];
    expect(all.length).toBeGreaterThan(20);
    const app = database.owner;
    for (const name of all) {
      const [sample] = await app.unsafe(
        `select to_jsonb(x)::text as row from ${name} x where tenant_id <> $1 limit 1`,
        [tenantId],
      );
      await app
        .begin(async (tx) => {
          await tx.unsafe("set local role latchkey_app");
          await tx`select set_config('latchkey.tenant', ${tenantId}, true)`;
          const seen = await tx.unsafe(
            `select distinct tenant_id from ${name} where tenant_id <> $1 ${SHARED.has(name) ? "and tenant_id <> repeat('0', 24)" : ""}`,
            [tenantId],
          );
          // People are rows of the instance; those who belong to this tenant are seen in it.
          if (name === "users") {
            const members = new Set((await tx`select user_id from memberships`).map((row) => row.user_id as string));
            const people = await tx`select id from users`;
            expect(people.filter((row) => !members.has(row.id as string))).toEqual([]);
          } else expect([name, ...seen]).toEqual([name]);

          const attempts = [
            [
              "insert",
              `insert into ${name} overriding system value select * from jsonb_populate_record(null::${name}, '${sample?.row?.replaceAll("'", "''") ?? "{}"}'::jsonb)`,
            ],
            ["move", `update ${name} set tenant_id = repeat('f', 24)`],
          ] as const;
          for (const [what, statement] of attempts) {
            if (what === "insert" && !sample) continue;
            const code = await tx
              .savepoint((inner) => inner.unsafe(statement).then((done) => (done.count === 0 ? "none" : "done")))
              .catch((error: { code?: string }) => error.code);
            // 42501: refused by the policy, or by the missing right to update (the audit's); "none": there is no own row.
            expect(`${name} ${what}: ${code}`).toMatch(/: (42501|none)$/);
            if (what === "insert") expect(`${name}: ${code}`).toBe(`${name}: 42501`);
          }
          for (const statement of [
            `update ${name} set tenant_id = tenant_id where tenant_id <> $1`,
            `delete from ${name} where tenant_id <> $1`,
          ]) {
            const touched = await tx
              .savepoint((inner) => inner.unsafe(statement, [tenantId]).then((done) => done.count))
              .catch((error: { code?: string }) => error.code);
            expect(`${name}: ${touched}`).toMatch(name === "audit_entries" ? /: 42501$/ : /: 0$/);
          }
          throw new Error("undo");
        })
        .catch((error: Error) => {
          if (error.message !== "undo") throw error;
        });
    }
  });
});
