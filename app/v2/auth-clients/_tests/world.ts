import { beforeAll } from "vitest";
import { DELETE, GET as GET_ONE, PATCH } from "@/app/v2/auth-clients/[id]/route";
import { GET as GET_USAGE } from "@/app/v2/auth-clients/[id]/usage/route";
import { GET as GET_LIST, POST } from "@/app/v2/auth-clients/route";
import { sealJson } from "@/lib/crypto/envelope";
import { newId } from "@/lib/ids";
import {
  addWorkspace,
  makePerson,
  makePlace,
  makeSession,
  makeTask,
  OWNER,
  type Person,
  type Place,
} from "@/lib/testing/callers";
import { type TestDatabase, useDatabase } from "@/lib/testing/database";

/** A tenant with people on every level and a foreign tenant, for the promises about auth clients. */
export interface AuthClientWorld {
  database: TestDatabase;
  place: Place;
  foreign: Place;
  /** Owner of tenant, contract and workspace. */
  owner: Person;
  ownerSession: Record<string, string>;
  /** Integrator of the workspace only. */
  integrator: Person;
  guest: Person;
  operator: Person;
  stranger: Person;
  task: Record<string, string>;
}

export function useWorld(env: Record<string, string> = {}): AuthClientWorld {
  const world = { database: useDatabase(env) } as AuthClientWorld;
  beforeAll(async () => {
    world.place = await makePlace();
    world.foreign = await makePlace();
    world.owner = await makePerson(world.place, OWNER);
    world.ownerSession = await makeSession(world.owner.id);
    world.integrator = await makePerson(world.place, { workspace: "integrator" });
    world.guest = await makePerson(world.place, { workspace: "guest" });
    world.operator = await makePerson(null, { operator: true });
    world.stranger = await makePerson(world.foreign, OWNER);
    world.task = (await makeTask(world.place)).basic;
  });
  return world;
}

export interface Answered {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of many shapes
  body: any;
  headers: Headers;
}

type Handler = (request: Request, context: { params: Record<string, string> }) => Promise<Response>;

async function send(
  handler: Handler,
  method: string,
  path: string,
  headers: Record<string, string>,
  params: Record<string, string>,
  body?: unknown,
): Promise<Answered> {
  const response = await handler(
    new Request(`http://latchkey.test${path}`, {
      method,
      headers: { ...headers, ...(body === undefined ? {} : { "content-type": "application/json" }) },
      body: body === undefined ? undefined : JSON.stringify(body),
    }),
    { params },
  );
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text ? JSON.parse(text) : null };
}

type Auth = Record<string, string>;

export const call = {
  list: (auth: Auth, query = "") => send(GET_LIST, "GET", `/v2/auth-clients${query}`, auth, {}),
  create: (auth: Auth, body: unknown) => send(POST, "POST", "/v2/auth-clients", auth, {}, body),
  get: (auth: Auth, id: string, query = "") => send(GET_ONE, "GET", `/v2/auth-clients/${id}${query}`, auth, { id }),
  patch: (auth: Auth, id: string, data: Record<string, unknown>) =>
    send(PATCH, "PATCH", `/v2/auth-clients/${id}`, auth, { id }, { data: { type: "auth-client", ...data } }),
  remove: (auth: Auth, id: string) => send(DELETE, "DELETE", `/v2/auth-clients/${id}`, auth, { id }),
  usage: (auth: Auth, id: string, query = "") =>
    send(GET_USAGE, "GET", `/v2/auth-clients/${id}/usage${query}`, auth, { id }),
};

export const CREDENTIALS = {
  client_id: "the-client-id",
  client_secret: "the-client-secret-value",
  auth_uri: "https://login.example.com/authorize",
  token_uri: "https://login.example.com/token",
  refresh_token_uri: "http://example.com",
  token_expires_in: 18_000,
};

type Level = "workspace" | "contract" | "tenant" | "global";

export function placedAt(place: Place, level: Level): Record<string, unknown> {
  if (level === "global") return {};
  return { [level]: { data: { id: place[`${level}Id`], type: level } } };
}

/** A create body; `relationships` as the wire wants them. */
export function oauth2Body(
  relationships: Record<string, unknown> = {},
  credentials: Record<string, unknown> = {},
  name = "Auth client",
) {
  return {
    data: {
      type: "auth-client",
      attributes: { type: "oauth2", name, credentials: { ...CREDENTIALS, ...credentials } },
      relationships,
    },
  };
}

/** Creates a client and gives its id; throws what went wrong. */
export async function make(auth: Auth, body: unknown): Promise<string> {
  const { status, body: answer } = await call.create(auth, body);
  if (status !== 201) throw new Error(`${status} ${JSON.stringify(answer)}`);
  return answer.data.id;
}

export async function makeComponent(database: TestDatabase, place: Place, access = "team"): Promise<string> {
  const id = newId();
  await database.owner`insert into components (tenant_id, id, contract_id, name, access)
    values (${place.tenantId}, ${id}, ${place.contractId}, 'A component', ${access})`;
  return id;
}

/** A secret row that uses a client, as the secrets service would store it. */
export async function makeSecretRow(
  database: TestDatabase,
  place: Place,
  client: { tenantId: string; id: string },
  name: string,
): Promise<string> {
  const id = newId();
  const sealed = await sealJson(
    { tenantId: place.tenantId, table: "secrets", rowId: id, field: "credentials", generation: 1 },
    {},
  );
  await database.owner`insert into secrets
    (tenant_id, id, workspace_id, type, name, name_key, secret_name, auth_client_tenant_id, auth_client_id, sealed)
    values (${place.tenantId}, ${id}, ${place.workspaceId}, 'oauth2', ${name}, ${name.toLowerCase()}, ${`${id}.x`},
      ${client.tenantId}, ${client.id}, ${sealed})`;
  return id;
}

export { addWorkspace };
