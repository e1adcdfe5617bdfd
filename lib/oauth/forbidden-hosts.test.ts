import * as oauth from "oauth4webapi";
import { afterEach, describe, expect, it } from "vitest";
import { GLOBAL } from "@/lib/access/scope";
import type { OAuthClient } from "@/lib/auth-clients/client";
import { Sensitive } from "@/lib/crypto/sensitive";
import { Egress } from "@/lib/egress/safe-fetch";
import { AppError } from "@/lib/errors";
import { forget, install } from "@/lib/process";
import { useCanary } from "@/lib/testing/canary";
import { FORBIDDEN_HOSTS, resolveForbidden } from "@/lib/testing/forbidden-hosts";
import { discover } from "./discovery";
import { obtain } from "./grants/authorization-code";
import { renewByRefreshToken } from "./grants/refresh-token";
import { revoke } from "./revocation";
import { serverFor } from "./server-for";

/**
 * Every call the core makes, to every place it may not (FAULTS C11): code exchange, refresh, revocation, and discovery with both of
 * its documents. lib/egress/connector.test.ts does the same for the module below them.
 */

const canary = useCanary();
let used: Egress | undefined;

afterEach(async () => {
  await used?.close();
  used = undefined;
  forget("egress");
});

/** This process's way out, with this resolver and this list. */
function wayOut(options: ConstructorParameters<typeof Egress>[0]): void {
  used = install("egress", new Egress({ ports: [443, 80, 8443, canary.port], ...options }));
}

const clientAt = (url: string): OAuthClient => ({
  tenantId: "a".repeat(24),
  id: "b".repeat(24),
  name: "Client",
  scope: GLOBAL,
  version: 1,
  options: {
    client_id: "client",
    auth_uri: url,
    token_uri: url,
    refresh_token_uri: url,
    revocation_uri: url,
    token_expires_in: 3600,
    grant_type: "authorization_code",
    token_endpoint_auth_method: "client_secret_post",
    pkce: "S256",
    scope_separator: " ",
    redirect_uri_per: "secret",
  },
  clientSecret: new Sensitive("secret of the client"),
  secretName: null,
  learnedAuthMethod: null,
  proven: false,
  problem: null,
});

/** Each makes its real request to this address and answers what came of it. */
const CALLS: Record<string, (url: string) => Promise<string>> = {
  "the code exchange": async (url) => {
    const client = clientAt(url);
    const { server, client: party } = serverFor(client);
    const parameters = oauth.validateAuthResponse(server, party, new URLSearchParams({ code: "c", state: "s" }), "s");
    const verifier = new Sensitive("v".repeat(43));
    const answer = await obtain(client, { parameters, redirectUri: "https://latchkey.test/back", verifier });
    return answer.kind === "failure" ? answer.failure.kind : answer.kind;
  },
  "a refresh": async (url) => {
    const answer = await renewByRefreshToken(clientAt(url), new Sensitive("refresh token"));
    return answer.kind === "failure" ? answer.failure.kind : answer.kind;
  },
  revocation: (url) => revoke(clientAt(url), { value: new Sensitive("token"), hint: "refresh_token" }, "a".repeat(24)),
  discovery: async (url) => {
    const error = await discover(url, { timeoutMs: 5_000 }).catch((thrown: unknown) => thrown);
    if (!(error instanceof AppError)) throw error;
    return `${error.status}`;
  },
};
/** Nothing was sent. */
const REFUSED = /^(not_sent|failed|400)$/;

describe.each(Object.keys(CALLS))("%s", (name) => {
  const ask = CALLS[name] as (url: string) => Promise<string>;

  it("reaches none of over 150 spellings of forbidden places", async () => {
    expect(FORBIDDEN_HOSTS.length).toBeGreaterThan(150);
    wayOut({ resolve: resolveForbidden });
    for (const host of FORBIDDEN_HOSTS)
      for (const scheme of ["https", "http"])
        expect([host, await ask(`${scheme}://${host}:${canary.port}`)]).toEqual([host, expect.stringMatching(REFUSED)]);
    expect(canary.hits).toBe(0);
  });

  it("would reach them if they were listed", async () => {
    wayOut({ resolve: resolveForbidden, allow: ["localhost"] });
    for (const host of ["127.0.0.1", "2130706433", "[::ffff:7f00:1]", "private.test"])
      await ask(`http://${host}:${canary.port}`);
    expect(canary.hits).toBeGreaterThanOrEqual(4);
  });

  it("gains nothing from a name that rebinds, in 250 tries, a thousand with those of the other calls", async () => {
    let looked = 0;
    wayOut({
      resolve: async () => {
        looked += 1;
        return looked % 2 ? ["192.0.2.1", "127.0.0.1"] : ["127.0.0.1"];
      },
    });
    for (let i = 0; i < 250; i++) expect(await ask(`https://rebind${i}.test:${canary.port}`)).toMatch(REFUSED);
    expect(looked).toBeGreaterThanOrEqual(250);
    expect(canary.hits).toBe(0);
  });

  it.each([301, 302, 303, 307, 308])("does not follow a redirect (%d) to one", async (status) => {
    wayOut({ allow: [canary.allowed] });
    await ask(`http://${canary.allowed}/redirect-${status}`);
    expect(canary.asked).toBeGreaterThanOrEqual(1);
    expect(canary.hits).toBe(0);
  });
});
