import { afterAll, beforeAll, beforeEach } from "vitest";
import { POST as CREATE_CLIENT } from "@/app/v2/auth-clients/route";
import { POST as REFRESH } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/refresh/route";
import { POST as REFUSED } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/refused/route";
import { GET as GET_SECRET } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/route";
import { GET as TOKEN } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/token/route";
import { POST as CREATE_SECRET } from "@/app/v2/workspaces/[workspaceId]/secrets/route";
import { makePerson, makePlace, makeTask, OWNER, type Person, type Place, type Task } from "./callers";
import { type TestDatabase, useDatabase } from "./database";
import { FakeIdp } from "./fake-idp";
import { type Answer, call } from "./http";
import type { NewGrant } from "./idp-grants";

/** A workspace with a person, a task identity, a fake provider and an auth client for it. */
export interface OAuthWorld {
  database: TestDatabase;
  idp: FakeIdp;
  place: Place;
  owner: Person;
  task: Task;
  clientId: string;
  /** Another client of the same provider. */
  addClient(credentials?: Record<string, unknown>): Promise<string>;
  /** A client that asks by itself. */
  addAskingClient(credentials?: Record<string, unknown>): Promise<string>;
  /** A secret of such a client, without tokens. */
  addAsking(clientId: string, credentials?: Record<string, unknown>): Promise<string>;
  /** A secret with the tokens of a new grant. */
  addSecret(grant?: NewGrant, more?: SecretOptions): Promise<MadeSecret>;
  /** The row of token_state, past row-level security. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever the row holds
  state(secretId: string): Promise<any>;
  /** Makes a secret's stored token expired and due, by the database's clock. */
  expire(secretId: string): Promise<void>;
  /** Makes it due but still valid. */
  makeDue(secretId: string): Promise<void>;
  /** What a provider asked for with "slow down" is over, for every client and for this secret. */
  patience(secretId: string): Promise<void>;
  token(secretId: string, query?: string): Promise<Answer>;
  refresh(secretId: string): Promise<Answer>;
  refused(secretId: string, fingerprint: string): Promise<Answer>;
  read(secretId: string): Promise<Answer>;
}

export interface SecretOptions {
  clientId?: string;
  name?: string;
  credentials?: Record<string, unknown>;
}

export interface MadeSecret {
  id: string;
  grantId: string;
  accessToken: string;
  refreshToken: string | undefined;
}

let count = 0;

/** @param server as in `useDatabase`. Call it at the top of a test file. The provider forgets its scripts and calls before every test. */
export function useOAuthWorld(env: Record<string, string> = {}, server?: () => Promise<string>): OAuthWorld {
  const world = {
    database: useDatabase({ LATCHKEY_EGRESS_ALLOW: "127.0.0.1", ...env }, { server }),
  } as OAuthWorld;
  const params = (secretId: string) => ({ workspaceId: world.place.workspaceId, secretId });
  const path = (secretId: string) => `/v2/workspaces/${world.place.workspaceId}/secrets/${secretId}`;

  beforeAll(async () => {
    world.idp = await new FakeIdp().start();
    world.place = await makePlace();
    world.owner = await makePerson(world.place, OWNER);
    world.task = await makeTask(world.place);
    world.clientId = await world.addClient();
  });
  beforeEach(async () => {
    world.idp.reset();
    await world.database.owner`delete from token_pace`;
  });
  afterAll(() => world.idp?.stop());

  const createClient = async (credentials: Record<string, unknown>) => {
    const answer = await call(CREATE_CLIENT, {
      method: "POST",
      url: "/v2/auth-clients",
      as: world.owner.basic,
      json: {
        data: {
          type: "auth-client",
          attributes: {
            type: "oauth2",
            name: `Client ${++count}`,
            credentials: {
              client_id: "client",
              client_secret: "client-secret-value",
              token_uri: `${world.idp.url}/token`,
              ...credentials,
            },
          },
          relationships: { workspace: { data: { id: world.place.workspaceId, type: "workspace" } } },
        },
      },
    });
    return must(answer, 201).data.id;
  };
  world.addClient = async (credentials = {}) =>
    createClient({
      auth_uri: `${world.idp.url}/authorize`,
      refresh_token_uri: `${world.idp.url}/refresh`,
      ...credentials,
    });
  world.addAskingClient = async (credentials = {}) =>
    createClient({ grant_type: "client_credentials", ...credentials });

  const createSecret = (clientId: string, attributes: Record<string, unknown>) =>
    call(CREATE_SECRET, {
      method: "POST",
      url: `/v2/workspaces/${world.place.workspaceId}/secrets`,
      params: { workspaceId: world.place.workspaceId },
      as: world.owner.basic,
      json: {
        data: {
          type: "auth-secret",
          attributes: { name: `Secret ${++count}`, ...attributes },
          relationships: { auth_client: { data: { id: clientId, type: "auth-client" } } },
        },
      },
    });
  world.addAsking = async (clientId, credentials = {}) => {
    const answer = await createSecret(clientId, { credentials });
    return must(answer, 201).data.id;
  };

  world.addSecret = async (grant = {}, more = {}) => {
    const made = world.idp.create(grant);
    const { access_token, refresh_token, expires_in } = made.tokens;
    const answer = await createSecret(more.clientId ?? world.clientId, {
      ...(more.name === undefined ? {} : { name: more.name }),
      state: "ready",
      credentials: {
        access_token,
        ...(refresh_token === undefined ? {} : { refresh_token }),
        expires_in,
        ...more.credentials,
      },
    });
    return {
      id: must(answer, 201).data.id,
      grantId: made.id,
      accessToken: access_token,
      refreshToken: refresh_token,
    };
  };

  world.state = async (secretId) => {
    const [row] = await world.database.owner`
      select *, expires_at - now() as life, extract(epoch from greatest(refresh_due_at, not_before) - now())::float8 as due_in_s,
             extract(epoch from expires_at - now())::float8 as valid_for_s, lease_holder is not null as leased
        from token_state where secret_id = ${secretId}`;
    return row;
  };
  world.expire = async (secretId) => {
    await world.database.owner`update token_state set expires_at = now() - interval '1 s',
      refresh_due_at = now() - interval '2 s', received_at = now() - interval '1 hour' where secret_id = ${secretId}`;
  };
  world.makeDue = async (secretId) => {
    await world.database.owner`update token_state set refresh_due_at = now() - interval '1 s',
      received_at = now() - interval '1 hour' where secret_id = ${secretId}`;
  };

  world.patience = async (secretId) => {
    await world.database.owner`delete from token_pace`;
    await world.database.owner`update token_state set not_before = null where secret_id = ${secretId}`;
  };

  const ask = (secretId: string, handler: Parameters<typeof call>[0], suffix: string, more: object = {}) =>
    call(handler, { url: `${path(secretId)}${suffix}`, params: params(secretId), as: world.task.basic, ...more });
  world.token = (secretId, query = "") => ask(secretId, TOKEN, `/token${query}`);
  world.refresh = (secretId) => ask(secretId, REFRESH, "/refresh", { method: "POST" });
  world.refused = (secretId, fingerprint) =>
    ask(secretId, REFUSED, "/refused", { method: "POST", json: { fingerprint } });
  world.read = (secretId) => ask(secretId, GET_SECRET, "");
  return world;
}

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of many shapes
function must(answer: Answer, status: number): any {
  if (answer.status !== status) throw new Error(`${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
}
