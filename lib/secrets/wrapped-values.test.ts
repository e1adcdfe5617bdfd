import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { format, inspect } from "node:util";
import pino from "pino";
import { beforeAll, describe, expect, it } from "vitest";
import type { OAuthClient } from "@/lib/auth-clients/client";
import type { ClientView } from "@/lib/auth-clients/resource";
import { openJson, sealJson } from "@/lib/crypto/envelope";
import { Keyring } from "@/lib/crypto/keyring";
import { Sensitive } from "@/lib/crypto/sensitive";
import type { CodeExchange } from "@/lib/oauth/grants/authorization-code";
import type { TokenAnswer } from "@/lib/oauth/token-endpoint";
import { readStored, readTokenSet, type SealedTokens, type StoredTokens, succeed } from "@/lib/oauth/token-set";
import { errorFields } from "@/lib/observability/log";
import { install } from "@/lib/process";
import { tokenPlace } from "@/lib/refresher/token-place";
import { MemoryTenantKeys, testKek } from "@/lib/testing/memory-tenant-keys";
import { credentialsPlace, openCredentials, openExtras, openTokens } from "./opened";
import type { SecretView } from "./resource";
import type { Revocable } from "./revoke-tokens";
import type { SecretRow } from "./rows";
import { mergeTokens } from "./save-tokens";

/** SECURITY LG-1: whatever carries a clear value between an envelope, a provider's answer and a door prints none of it. */

const SENTINEL = "sentinel-5e1d";
const secret = (name: string) => `${SENTINEL}-${name}`;
const ANSWER = {
  access_token: secret("access"),
  refresh_token: secret("refresh"),
  token_type: "Bearer",
  expires_in: 3600,
  scope: "read",
  id_token: secret("id"),
};
const TENANT = "5f0000000000000000000001";
const ID = "5f00000000000000000000aa";

function row(type: string, sealed: Buffer, tokenSealed: Buffer | null): SecretRow {
  return { tenantId: TENANT, id: ID, type, generation: 1, sealed, tokenGeneration: 1, tokenSealed } as SecretRow;
}

const objects: Record<string, unknown> = {};
let stored: StoredTokens;

beforeAll(async () => {
  install("keyring", new Keyring({ keks: [testKek()], store: new MemoryTenantKeys() }));
  const set = readTokenSet(ANSWER);
  if (!set) throw new Error("The answer holds a token.");
  stored = succeed(null, set);
  const tokenSealed = await sealJson(tokenPlace(TENANT, ID, 1), stored);
  const place = credentialsPlace(TENANT, ID, 1);
  const oauth2 = row(
    "oauth2",
    await sealJson(place, { additional_params: { login_hint: secret("hint") }, fields: { key: secret("field") } }),
    tokenSealed,
  );
  const basic = row("basic", await sealJson(place, { username: "u", password: secret("password") }), null);
  const client = {
    id: ID,
    options: {},
    clientSecret: new Sensitive(secret("client-secret")),
  } as unknown as OAuthClient;
  Object.assign(objects, {
    "the provider's answer, read": set,
    "the answer of the token endpoint": {
      kind: "tokens",
      tokens: set,
      issuedAtMs: null,
      authMethod: "none",
    } satisfies TokenAnswer,
    "tokens to store": stored,
    "tokens with a request merged in": mergeTokens(stored, { access_token: secret("typed"), fields: {} }),
    "what an envelope held": await openJson<SealedTokens>(tokenPlace(TENANT, ID, 1), tokenSealed),
    "tokens of a secret": await openTokens(oauth2),
    "extras of a secret": await openExtras(oauth2),
    "credentials, oauth2": await openCredentials(oauth2),
    "credentials, basic": await openCredentials(basic),
    "the view of a secret": { credentials: await openCredentials(basic) } satisfies SecretView,
    "what is to be revoked": {
      authClientTenantId: TENANT,
      authClientId: ID,
      secretId: ID,
      tokens: stored,
      tenantId: "t",
    } satisfies Revocable,
    "an opened auth client": client,
    "the view of an auth client": {
      componentIds: [],
      problem: null,
      credentials: new Sensitive<Record<string, unknown>>({ client_secret: secret("client-secret") }),
    } satisfies ClientView,
    "a code exchange": {
      parameters: new URLSearchParams({ iss: "https://provider.example.com" }),
      redirectUri: "https://latchkey.example.com/",
      verifier: new Sensitive(secret("verifier")),
    } satisfies CodeExchange,
  });
});

/** Every way in which an object ends up in a log, an answer or an error by accident. */
function printed(value: unknown): string {
  const lines: string[] = [];
  const thrown = new Error("It failed.", { cause: value });
  pino({ level: "trace" }, { write: (line: string) => lines.push(line) }).info(
    { value, err: thrown },
    "%o",
    value as object,
  );
  const members = typeof value === "object" && value !== null ? Object.entries(value) : [];
  return [
    inspect(value, { depth: 20, showHidden: true, getters: true }),
    inspect(thrown, { depth: 20, showHidden: true, getters: true }),
    JSON.stringify(value),
    JSON.stringify({ ...(value as object) }),
    JSON.stringify(errorFields(new Error("outer", { cause: thrown }))),
    format("%s %j %o %O", value, value, value, value),
    `${value}`,
    ...members.map(([name, member]) => `${name} ${member} ${[member].join()} ${String(member)}`),
    inspect(structuredClone(members.map(([name]) => name))),
    ...lines,
  ].join("\n");
}

describe("what is opened or received", () => {
  it("prints no clear value, however it is printed", () => {
    const names = Object.keys(objects);
    expect(names).toHaveLength(14);
    for (const name of names) expect([name, printed(objects[name]).includes(SENTINEL)]).toEqual([name, false]);
  });

  it("would be seen by this test without the wrapper", () => {
    expect(printed({ access_token: ANSWER.access_token })).toContain(SENTINEL);
    expect(printed({ deep: [{ access_token: ANSWER.access_token }] })).toContain(SENTINEL);
  });

  it("is sealed and opened again as it was, not as [redacted]", async () => {
    const again = readStored(
      await openJson<SealedTokens>(
        tokenPlace(TENANT, ID, 2),
        await sealJson(tokenPlace(TENANT, ID, 2), { ...stored, scope: null }),
      ),
    );
    expect(again.access_token.reveal()).toBe(ANSWER.access_token);
    expect(again.refresh_token?.reveal()).toBe(ANSWER.refresh_token);
    expect(again.undefined_params.reveal()).toEqual({ id_token: ANSWER.id_token });
    expect(again.access_token.equals(stored.access_token)).toBe(true);
    expect(again.access_token.equals(stored.refresh_token)).toBe(false);
  });
});

/** Names under which a clear value travelled, or might. */
const FIELD =
  /\b(?:readonly )?(access_?token|refresh_?token|id_?token|client_?secret|verifier|undefined_params|password|headerValue)\??: (string|unknown|Record<string, unknown>)\b/i;
const CARRIERS = /^lib\/(oauth|secrets|auth-clients|refresher|secret-types)\//;

/** The doors (HOUSE sentence 4), and what seals or compares on the way. Whoever adds a line here opens a door. */
const REVEALING = [
  "lib/auth-clients/change.ts", // a client secret on its way into the envelope
  "lib/auth-clients/resource.ts", // read endpoint: an auth client's credentials
  "lib/crypto/open-keyring.ts", // the instance's own keys
  "lib/crypto/sensitive.ts",
  "lib/oauth/grants/authorization-code.ts", // token endpoint: the PKCE verifier
  "lib/oauth/grants/refresh-token.ts", // token endpoint: the refresh token
  "lib/oauth/revocation.ts", // revocation endpoint
  "lib/oauth/token-endpoint.ts", // what must be taken out of the provider's words
  "lib/oauth/token-set.ts", // members of an earlier answer joined with a new one's
  "lib/secret-use/http-injection.ts", // the outbound call
  "lib/secret-use/sql.ts", // a database login
  "lib/secrets/resource.ts", // read endpoints: a secret, its token
  "lib/secrets/reveal.ts", // one value for a person
  "lib/webhooks/resource.ts", // a signing secret right after it was made
];

describe("in the source", () => {
  const files = execFileSync(
    "git",
    ["ls-files", "-co", "--exclude-standard", "lib", "app", "components", "server.ts"],
    {
      encoding: "utf8",
    },
  )
    .split("\n")
    .filter((name) => /\.tsx?$/.test(name) && !/\.test\.tsx?$|_tests\/|^lib\/testing\//.test(name));

  it("no field or parameter takes a token, client secret or verifier in clear", () => {
    const carriers = files.filter((name) => CARRIERS.test(name));
    expect(carriers.length).toBeGreaterThan(50);
    const clear = carriers.flatMap((name) =>
      readFileSync(name, "utf8")
        .split("\n")
        .flatMap((line, at) => (FIELD.test(line) ? [`${name}:${at + 1} ${line.trim()}`] : [])),
    );
    expect(clear).toEqual([]);
    for (const line of ["  access_token: string;", "renew(refreshToken: string)", "  clientSecret?: string | null;"])
      expect(FIELD.test(line)).toBe(true);
  });

  it("values leave their wrapper at the doors and nowhere else", () => {
    expect(files.filter((name) => /\.reveal\(\)/.test(readFileSync(name, "utf8")))).toEqual(REVEALING);
  });
});
