import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import Provider from "oidc-provider";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { useOAuthWorld } from "@/lib/testing/oauth-world";

/** Client credentials at a provider that others wrote: oidc-provider. */
/** What RFC 6749 appendix A.2 allows, and what must be encoded in a header and in a form. */
const SECRET = "a secret: with/odd&characters%+=";
const world = useOAuthWorld();
let server: Server;
let provider: Provider;
let issuer: string;
let granted = 0;

beforeAll(async () => {
  server = createServer((request, response) => provider.callback()(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  provider = new Provider(issuer, {
    clients: (["client_secret_basic", "client_secret_post"] as const).map((method) => ({
      client_id: method,
      client_secret: SECRET,
      grant_types: ["client_credentials"],
      redirect_uris: [],
      response_types: [],
      token_endpoint_auth_method: method,
      scope: "api:read api:write",
    })),
    scopes: ["api:read", "api:write", "api:admin"],
    ttl: { ClientCredentials: 600 },
    features: { clientCredentials: { enabled: true }, devInteractions: { enabled: false } },
  });
  provider.on("grant.success", () => {
    granted += 1;
  });
});
afterAll(() => new Promise((resolve) => server.close(resolve)));

const addClient = (method: string, more: Record<string, unknown> = {}) =>
  world.addAskingClient({
    client_id: method,
    client_secret: SECRET,
    issuer,
    token_uri: undefined,
    ...more,
  });

describe.each(["client_secret_basic", "client_secret_post"])("a client that must prove itself by %s", (method) => {
  it.each(["auto", method])("gets a token when the method is %s, and another when that is used up", async (chosen) => {
    const id = await world.addAsking(await addClient(method, { token_endpoint_auth_method: chosen }), {
      scope: "api:read",
    });
    const before = granted;
    const first = await world.token(id);
    expect(first.status).toBe(200);
    const { access_token, valid_for, scope } = first.body.data.attributes;
    expect(scope).toBe("api:read");
    expect(valid_for).toBeGreaterThan(590);
    expect(await provider.ClientCredentials.find(access_token)).toMatchObject({ clientId: method, scope: "api:read" });
    await world.expire(id);
    const next = (await world.token(id)).body.data.attributes.access_token;
    expect(next).not.toBe(access_token);
    expect(await provider.ClientCredentials.find(next)).toBeDefined();
    expect(granted - before).toBe(2);
  });
});

it("a secret the provider does not know is the client's problem, scopes it may not have are the secret's", async () => {
  const wrong = await world.addAsking(await addClient("client_secret_basic", { client_secret: "wrong" }));
  expect((await world.token(wrong)).body.errors[0].meta.problem).toMatchObject({
    code: "client_rejected",
    who: "admin",
  });
  const odd = await world.addAsking(await addClient("client_secret_post"), { scope: "api:admin" });
  expect((await world.token(odd)).body.errors[0].meta.problem).toMatchObject({ code: "request_rejected", who: "you" });
});
