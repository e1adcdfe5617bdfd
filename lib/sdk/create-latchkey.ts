import { type ClientOptions, createClient } from "./client";
import { LatchkeyError } from "./errors";
import { type FoundSecret, secretFinder } from "./find-secret";
import { joseCalls } from "./jose";
import { requestWithSecret, type SecretRequest } from "./request-with-secret";
import { secretCalls } from "./secrets";
import { sqlCalls } from "./sql";
import { type HeldToken, TokenCache } from "./token-cache";
import { headersOf } from "./value-headers";
import { isResendable, withSecret } from "./with-secret";

export interface LatchkeyOptions {
  /** Where Latchkey is, such as `https://latchkey.example.com`. */
  url: string;
  /** A task identity's key, or a person's. */
  apiKey: string;
  /** Id of the workspace whose secrets are meant. */
  workspace: string;
  /** Of a person's key: the person's e-mail. A task identity's key names its user itself. */
  username?: string;
  /** Milliseconds one call to Latchkey may take; 30,000 unless said. */
  timeoutMs?: number;
  /** Attempts after the first, for failures that pass; 2 unless said. */
  retries?: number;
  fetch?: typeof globalThis.fetch;
}

/** The right of a secret to be asked for by name (in any case) or by its id. */
export type NameOrId = string;

export interface TokenOptions {
  /** Seconds the token must still live; 30 unless said. */
  minimumValidity?: number;
}

const MINIMUM_VALIDITY_S = 30;

/**
 * What an integration step needs of one workspace: values, tokens that are valid now, and requests made with them. Needs nothing but
 * `fetch`: Node 20, browsers and edge runtimes.
 *
 * Access tokens are remembered for at most a minute, and never longer than they live; values never. Everything rejects with
 * `LatchkeyError`: 404 for an unknown name, 409 with `problem` when a person must act, 424 with `retryAfterS` when the provider is at
 * fault, `code` `network` or `timeout` without an answer.
 *
 * @throws TypeError when the key or the workspace is empty, or the user name of the key is not known
 */
export function createLatchkey(options: LatchkeyOptions) {
  const { url, workspace, timeoutMs = 30_000, retries = 2 } = options;
  for (const name of ["apiKey", "workspace"] as const)
    if (!options[name]) throw new TypeError(`createLatchkey: \`${name}\` is empty. Is its environment variable set?`);
  const send = options.fetch ?? globalThis.fetch;
  const client = createClient({
    baseUrl: url,
    auth: { username: options.username ?? userOf(options.apiKey), apiKey: options.apiKey },
    timeoutMs,
    retries,
    fetch: send,
  } satisfies ClientOptions);
  const calls = secretCalls(client);
  const finder = secretFinder(client, workspace);
  const tokens = new TokenCache();

  /** Finds, and finds once more when what the name stood for is gone. */
  const using = async <T>(nameOrId: NameOrId, act: (secret: FoundSecret) => Promise<T>): Promise<T> => {
    const secret = await finder.find(nameOrId);
    try {
      return await act(secret);
    } catch (error) {
      if (!(error instanceof LatchkeyError) || error.status !== 404 || secret.id === nameOrId) throw error;
      finder.forget(nameOrId);
      return act(await finder.find(nameOrId));
    }
  };

  const tokenOf = async (secretId: string, minimumValidity: number): Promise<HeldToken> => {
    const held = tokens.get(secretId, minimumValidity);
    if (held) return held;
    const askedMs = performance.now();
    const { attributes } = (await calls.token(workspace, secretId, { minimumValidity })).data;
    tokens.set(secretId, attributes, askedMs);
    return attributes;
  };

  const report = async (secretId: string, fingerprint: string): Promise<HeldToken> => {
    tokens.forget(secretId);
    const askedMs = performance.now();
    const { attributes } = (await calls.refused(workspace, secretId, fingerprint)).data;
    tokens.set(secretId, attributes, askedMs);
    return attributes;
  };

  const valuesOf = async (secretId: string): Promise<{ type: string; values: Record<string, unknown> }> => {
    const { attributes } = (await calls.get(workspace, secretId)).data;
    if (!attributes.credentials)
      throw refusal("forbidden", 403, "This key may not read values: it needs workspaces.auth_secret.get_credentials.");
    return { type: attributes.type, values: attributes.credentials };
  };

  const textOf = (nameOrId: NameOrId, type: string, member: string) =>
    using(nameOrId, async ({ id }) => {
      const found = await valuesOf(id);
      const value = found.values[member];
      if (found.type !== type || typeof value !== "string") throw wrongType(nameOrId, found.type, type);
      return value;
    });

  const headers = (nameOrId: NameOrId, secret: FoundSecret): Promise<Record<string, string>> => {
    const byToken = async () => bearer(await tokenOf(secret.id, MINIMUM_VALIDITY_S));
    const byValues = async () => {
      const { type, values } = await valuesOf(secret.id);
      const found = headersOf(type, values);
      if (!found) throw wrongType(nameOrId, type, "one that is sent in headers");
      return found;
    };
    if (secret.type !== null) return secret.type === "oauth2" ? byToken() : byValues();
    return byToken().catch((error: unknown) => {
      if (hasNoTokens(error)) return byValues();
      throw error;
    });
  };

  /**
   * A `fetch` of somebody else's API with the secret: the token or value is in this program. When the API answers 401 to an OAuth 2 token,
   * its fingerprint is reported, and the request made once more with a newer token, if its body can be sent again (no stream). A redirect
   * is followed only where no value can go along to another host, unless `init.redirect` says otherwise.
   */
  const fetchWith = (nameOrId: NameOrId, target: string | URL, init: RequestInit = {}): Promise<Response> =>
    using(nameOrId, async (secret) => {
      const ask = (given: Record<string, string>) => {
        const all = new Headers(init.headers);
        for (const [name, value] of Object.entries(given)) all.set(name, value);
        // What follows a redirect drops Authorization at another origin, and no other header of ours.
        const redirect = init.redirect ?? (Object.keys(given).every(isAuthorization) ? "follow" : "manual");
        return send(target, { ...init, headers: all, redirect });
      };
      if (secret.type !== null && secret.type !== "oauth2") return ask(await headers(nameOrId, secret));
      try {
        return await withSecret(
          {
            token: async (_workspace, id, query = {}) => ({
              data: { id, type: "token", attributes: await tokenOf(id, query.minimumValidity ?? MINIMUM_VALIDITY_S) },
              meta: {},
              included: [],
            }),
            refused: async (_workspace, id, fingerprint) => ({
              data: { id, type: "token", attributes: await report(id, fingerprint) },
              meta: {},
              included: [],
            }),
          },
          { workspaceId: workspace, secretId: secret.id, once: !isResendable(init.body) },
          (_accessToken, token) => ask(bearer(token)),
        );
      } catch (error) {
        if (secret.type === null && hasNoTokens(error)) return ask(await headers(nameOrId, secret));
        throw error;
      }
    });

  return {
    secrets: {
      /** The value of a secret of type `password`. */
      getPassword: (nameOrId: NameOrId) => textOf(nameOrId, "password", "password"),
      /** User name and password of a secret of type `basic`. */
      getBasicAuth: (nameOrId: NameOrId): Promise<{ username: string; password: string }> =>
        using(nameOrId, async ({ id }) => {
          const { type, values } = await valuesOf(id);
          if (type !== "basic") throw wrongType(nameOrId, type, "basic");
          return { username: String(values.username), password: String(values.password) };
        }),
      /** The header fields a request carries with this secret: `http_headers`, `api_key`, `basic`, `password`, `oauth2`. */
      getHeaders: (nameOrId: NameOrId) => using(nameOrId, (secret) => headers(nameOrId, secret)),
      /** Everything in a secret, by the names its type gives (`username`, `headerName`, `access_token` …). */
      getValues: (nameOrId: NameOrId) => using(nameOrId, ({ id }) => valuesOf(id)),
      /** An access token with all that is known of it: `expires_at`, `fingerprint`, `scope`. */
      getToken: (nameOrId: NameOrId, { minimumValidity = MINIMUM_VALIDITY_S }: TokenOptions = {}) =>
        using(nameOrId, ({ id }) => tokenOf(id, minimumValidity)),
      /** Reports that an API refused the token with this fingerprint; answers a newer one. */
      refused: (nameOrId: NameOrId, fingerprint: string) => using(nameOrId, ({ id }) => report(id, fingerprint)),
      /** An OAuth 2 access token that lives for `minimumValidity` seconds more, refreshed by Latchkey first where it must be. */
      getAccessToken: (nameOrId: NameOrId, { minimumValidity = MINIMUM_VALIDITY_S }: TokenOptions = {}) =>
        using(nameOrId, async ({ id }) => (await tokenOf(id, minimumValidity)).access_token),
    },
    fetch: fetchWith,
    /** Has Latchkey make a request with the secret, which stays there: to its allowed hosts only, and masked in what comes back. */
    request: (nameOrId: NameOrId, request: SecretRequest) =>
      using(nameOrId, ({ id }) => requestWithSecret(client, workspace, id, request)),
    Jose: joseCalls(calls, workspace, using),
    SQL: sqlCalls(client, workspace, using, finder.typeOf),
  };
}

export type LatchkeySteps = ReturnType<typeof createLatchkey>;

const isAuthorization = (name: string) => name.toLowerCase() === "authorization";

const bearer = (token: HeldToken) => ({ authorization: `Bearer ${token.access_token}` });

/** `task-<id>` of a task identity's key, which holds the id. */
function userOf(apiKey: string): string {
  const id = /^latchkey_task_([0-9a-f]{24})_/.exec(apiKey)?.[1];
  if (id === undefined)
    throw new TypeError(
      "createLatchkey: this is no task identity's key, so say whose it is: `username` is the person's e-mail.",
    );
  return `task-${id}`;
}

/** Asked for a token, the secret turned out to be of another type. */
function hasNoTokens(error: unknown): boolean {
  return error instanceof LatchkeyError && error.status === 400 && error.code === "bad_request";
}

function wrongType(nameOrId: NameOrId, type: string, wanted: string): LatchkeyError {
  return refusal("wrong_type", 400, `The secret “${nameOrId}” is of type ${type}, not ${wanted}.`);
}

function refusal(code: string, status: number, detail: string): LatchkeyError {
  return new LatchkeyError({
    status,
    items: [{ code, title: "Not possible", detail, pointer: null, parameter: null }],
  });
}
