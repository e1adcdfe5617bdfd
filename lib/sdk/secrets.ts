import type { Client, List, PageMeta, Query, RequestOptions } from "./client";
import { askWithSecret, type SecretRequest } from "./request-with-secret";
import type {
  Authorization,
  AuthorizationFailure,
  AuthSecret,
  ConnectionTest,
  Jwe,
  JwtClaims,
  Plaintext,
  RedirectUri,
  RefreshTrouble,
  RevealedValue,
  RevealPolicy,
  SecretEvent,
  SecretType,
  SignedJwt,
  SignedPayload,
  Token,
  TokenTest,
  VerifiedPayload,
} from "./resources";
import { askDatabase, type SqlOptions, type SqlParameter } from "./sql";

export type SecretFilter = "needs_person" | "trouble" | "working";

export interface SecretListQuery {
  /** From 1. Any page parameter switches paging on. */
  page?: number;
  /** At most 100. */
  size?: number;
  search?: string;
  status?: SecretFilter | null;
  type?: SecretType | null;
  authClient?: string | null;
  sort?: "attention" | "name";
}

export interface SecretListMeta extends PageMeta {
  counts: { all: number; needs_person: number; trouble: number; working: number };
}

export interface NewSecret {
  name: string;
  /** Required where there is no auth client. */
  type?: SecretType;
  authClientId?: string | null;
  /** By type: `scope`, `additional_params` (JSON text), `fields`; `username`, `password`; `headerName`, `headerValue`; `headers`; … (README, "Types"). */
  credentials: Record<string, unknown>;
  /** `host`, `host:port` or `*.domain`: where requests with it may go. */
  allowedHosts?: readonly string[];
}

/** What to sign: `iss`, `aud` and `sub` come from the secret unless said here; `iat` and `exp` are Latchkey's. */
export interface JwtOrder {
  claims?: Record<string, unknown>;
  /** Seconds; else the secret's own, else 300. */
  lifetime?: number;
  typ?: string;
}

/** What a token must say. `issuer`, `audience` and `subject` are the secret's own unless said here. */
export interface JwtWanted {
  issuer?: string;
  /** One of them is enough. */
  audience?: string | string[];
  subject?: string;
  /** All of them. */
  scope?: string | string[];
  typ?: string;
  /** Seconds since it was issued, at most. */
  lifetime?: number;
}

export interface SecretChange {
  name?: string;
  credentials?: Record<string, unknown>;
  reveal?: RevealPolicy;
  allowed_hosts?: readonly string[];
}

const at = (workspaceId: string, secretId?: string, tail = "") =>
  `/v2/workspaces/${encodeURIComponent(workspaceId)}/secrets${secretId === undefined ? "" : `/${encodeURIComponent(secretId)}`}${tail}`;

type Wait = Pick<RequestOptions, "signal">;

const newBody = ({ name, type, credentials, allowedHosts, authClientId }: Partial<NewSecret>) => ({
  data: {
    type: "auth-secret",
    attributes: {
      ...(name === undefined ? {} : { name }),
      ...(type ? { type } : {}),
      credentials,
      ...(allowedHosts ? { allowed_hosts: allowedHosts } : {}),
    },
    ...(authClientId ? { relationships: { auth_client: { data: { id: authClientId, type: "auth-client" } } } } : {}),
  },
});

/** Calls about auth secrets (CONTRACT.md section 3, API.md). All reject with `LatchkeyError`. */
export function secretCalls(client: Client) {
  return {
    /** A page of a workspace's secrets with counts, trouble first; clients and users come along in `included`. */
    list(workspaceId: string, query: SecretListQuery = {}, wait: Wait = {}): Promise<List<AuthSecret, SecretListMeta>> {
      const parameters: Query = {
        "page[number]": query.page ?? 1,
        "page[size]": query.size ?? 100,
        "filter[search]": query.search,
        "filter[status]": query.status,
        "filter[type]": query.type,
        "filter[auth_client]": query.authClient,
        sort: query.sort ?? "attention",
        include: "auth_client,user",
      };
      return client.list(at(workspaceId), { query: parameters, ...wait });
    },
    get: (workspaceId: string, secretId: string, wait: Wait = {}) =>
      client.single<AuthSecret>("GET", at(workspaceId, secretId), wait),
    create: (workspaceId: string, secret: NewSecret) =>
      client.single<AuthSecret>("POST", at(workspaceId), { body: newBody(secret) }),
    update: (workspaceId: string, secretId: string, change: SecretChange) =>
      client.single<AuthSecret>("PATCH", at(workspaceId, secretId), {
        body: { data: { type: "auth-secret", id: secretId, attributes: change } },
      }),
    async remove(workspaceId: string, secretId: string): Promise<void> {
      await client.request("DELETE", at(workspaceId, secretId));
    },
    /** Asks for new tokens now; answers within about 8 s. */
    refresh: (workspaceId: string, secretId: string) =>
      client.single<AuthSecret, { refresh?: RefreshTrouble }>("POST", at(workspaceId, secretId, "/refresh"), {
        body: {},
      }),
    /**
     * Tries it out once: logs in to the database, or asks for a token as Latchkey does by itself and keeps it. Rejects where nothing was
     * learned, and with `database_fault` where the login did not work; a provider's refusal is an answer.
     */
    test: (workspaceId: string, secretId: string) =>
      client.single<ConnectionTest | TokenTest>("POST", at(workspaceId, secretId, "/test"), { body: {} }),
    /** The same of a secret that is not there yet. Nothing is kept: neither what was given nor a token that came. */
    testNew: (workspaceId: string, secret: Omit<NewSecret, "name">) =>
      client.single<ConnectionTest | TokenTest>(
        "POST",
        `/v2/workspaces/${encodeURIComponent(workspaceId)}/secret-test`,
        { body: newBody(secret) },
      ),
    /** The same of a secret as it would be with these `credentials`. Nothing is kept; a stored password is not used for a database. */
    testChanged: (workspaceId: string, secretId: string, { credentials }: Pick<SecretChange, "credentials">) =>
      client.single<ConnectionTest | TokenTest>("POST", at(workspaceId, secretId, "/test"), {
        body: { data: { type: "auth-secret", id: secretId, attributes: { credentials } } },
      }),
    /** Has Latchkey make a request with the secret; the answer is masked. */
    request: (workspaceId: string, secretId: string, request: SecretRequest) =>
      askWithSecret(client, workspaceId, secretId, request),
    /** Runs one statement with the login of the secret, read-only unless said. */
    sql: (
      workspaceId: string,
      secretId: string,
      statement: string,
      params?: readonly SqlParameter[],
      options?: SqlOptions,
    ) => askDatabase(client, workspaceId, secretId, statement, params, options),
    /** `attributes.url` is a page of Latchkey to open in the browser; it leads to the provider. */
    authorize: (workspaceId: string, secretId: string) =>
      client.single<Authorization>("POST", at(workspaceId, secretId, "/authorize"), { body: {} }),
    /** Why the last attempt to authorize it failed, or the words for a `reason`; 404 when nothing failed. */
    authorizationFailure: (workspaceId: string, secretId: string, reason: string | null = null, wait: Wait = {}) =>
      client.single<AuthorizationFailure>("GET", at(workspaceId, secretId, "/authorization-failure"), {
        query: { reason },
        ...wait,
      }),
    /** The current access token. `minimumValidity` and `wait` in seconds. */
    token: (workspaceId: string, secretId: string, query: { minimumValidity?: number; wait?: number } = {}) =>
      client.single<Token, { refresh?: RefreshTrouble }>("GET", at(workspaceId, secretId, "/token"), {
        query: { minimum_validity: query.minimumValidity, wait: query.wait },
      }),
    /** Reports the token with this fingerprint as refused by the service it is for; answers a newer one. */
    refused: (workspaceId: string, secretId: string, fingerprint: string) =>
      client.single<Token, { refresh?: RefreshTrouble }>("POST", at(workspaceId, secretId, "/refused"), {
        body: { fingerprint },
        repeatable: true,
      }),
    /** Newest first, 20 a page. */
    history: (workspaceId: string, secretId: string, page = 1, size = 20, wait: Wait = {}) =>
      client.list<SecretEvent>(at(workspaceId, secretId, "/history"), {
        query: { "page[number]": page, "page[size]": size },
        ...wait,
      }),
    /** Forgets all tokens, revoking them at the provider where it can. */
    async forgetTokens(workspaceId: string, secretId: string): Promise<void> {
      await client.request("DELETE", at(workspaceId, secretId, "/tokens"));
    },
    /** One value in clear: `field` is a member, or one of its own (`headers.X-API-Key`). Recorded. Rejects with code `reauth_required` when the sign-in is too old, `reveal_forbidden` where never. */
    reveal: (workspaceId: string, secretId: string, field: string) =>
      client.single<RevealedValue>("POST", at(workspaceId, secretId, "/reveal"), { body: { field } }),
    /** Has a new key pair of an `rs256` secret sign from now on; 3072 bits unless said otherwise. */
    rotateKey: (workspaceId: string, secretId: string, bits?: 2048 | 3072 | 4096) =>
      client.single<AuthSecret>("POST", at(workspaceId, secretId, "/keys/rotate"), {
        body: bits === undefined ? {} : { bits },
      }),
    /** Ends an earlier key: it is no longer published, and nothing made with it is accepted any more. */
    async retireKey(workspaceId: string, secretId: string, kid: string): Promise<void> {
      await client.request("DELETE", at(workspaceId, secretId, `/keys/${encodeURIComponent(kid)}`));
    },
    /** Signs claims with an `hs256` or `rs256` secret; its key stays in Latchkey. `lifetime` in seconds. */
    signJwt: (workspaceId: string, secretId: string, order: JwtOrder = {}) =>
      client.single<SignedJwt>("POST", at(workspaceId, secretId, "/jwt/sign"), { body: order, repeatable: true }),
    /** Rejects with code `token_refused` and the reason unless the token is good and says what is wanted. */
    verifyJwt: (workspaceId: string, secretId: string, token: string, wanted: JwtWanted = {}) =>
      client.single<JwtClaims>("POST", at(workspaceId, secretId, "/jwt/verify"), {
        body: { token, ...wanted },
        repeatable: true,
      }),
    /** Signs a text that is no token; what reads as claims is refused. */
    signPayload: (workspaceId: string, secretId: string, payload: string, typ?: string) =>
      client.single<SignedPayload>("POST", at(workspaceId, secretId, "/jwt/sign"), {
        body: { payload, typ },
        repeatable: true,
      }),
    /** The text that was signed. Rejects with code `token_refused` and the reason. */
    verifyPayload: (workspaceId: string, secretId: string, token: string) =>
      client.single<VerifiedPayload>("POST", at(workspaceId, secretId, "/jwt/verify"), {
        body: { token, payload: true },
        repeatable: true,
      }),
    /** Encrypts for an `rs256` secret whose use is `encrypt`. */
    encryptJwe: (workspaceId: string, secretId: string, plaintext: string) =>
      client.single<Jwe>("POST", at(workspaceId, secretId, "/jwt/encrypt"), {
        body: { plaintext },
        repeatable: true,
      }),
    /** Rejects with code `token_refused` when this secret cannot read it. */
    decryptJwe: (workspaceId: string, secretId: string, token: string) =>
      client.single<Plaintext>("POST", at(workspaceId, secretId, "/jwt/decrypt"), {
        body: { token },
        repeatable: true,
      }),
    /** What the redirect URI of a secret with this name will be. */
    redirectUri: (workspaceId: string, name: string, authClientId?: string | null, wait: Wait = {}) =>
      client.single<RedirectUri>("GET", `/v2/workspaces/${encodeURIComponent(workspaceId)}/redirect-uri`, {
        query: { name, auth_client: authClientId },
        ...wait,
      }),
    /**
     * Address of the stream that tells which secrets changed: server-sent events named `secret` with data `{"id"}`, and `missed` when some
     * may not have been told.
     */
    eventsUrl: (workspaceId: string) => client.url(`/v2/workspaces/${encodeURIComponent(workspaceId)}/events`),
  };
}
