import { createHash } from "node:crypto";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { POST as AUTHORIZE_LINK } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/authorize/route";
import { makePerson, OWNER, type Person } from "@/lib/testing/callers";
import { call } from "@/lib/testing/http";
import { useOAuthWorld } from "@/lib/testing/oauth-world";
import { addUnauthorized, Browser, leadsTo } from "./browser";

/** Connecting an account in the browser, as it should go (issue "The redirect flow", OA-1 to OA-3, OA-8, OA-14, OA-18). */
const world = useOAuthWorld();
let browser: Browser;
let colleague: Person;

beforeAll(async () => {
  colleague = await makePerson(world.place, OWNER);
});
beforeEach(async () => {
  browser = await Browser.of(world.owner.id);
});

const read = async (secretId: string) => (await world.read(secretId)).body.data.attributes;

describe("the whole way", () => {
  it("ends with tokens stored and the browser on a clean page", async () => {
    const secretId = await addUnauthorized(world);
    expect(await read(secretId)).toMatchObject({ status: "unauthorized", state: "error" });
    const back = await browser.toProvider(secretId);
    const answer = await browser.callback(back);
    expect(answer.status).toBe(303);
    expect(leadsTo(answer)).toBe(`/workspaces/${world.place.workspaceId}/secrets?authorized=${secretId}`);
    expect(new URL(answer.headers.get("location") as string).origin).toBe("http://latchkey.test");
    expect(answer.headers.get("referrer-policy")).toBe("no-referrer");
    expect(answer.headers.get("cache-control")).toContain("no-store");
    const attributes = await read(secretId);
    expect(attributes).toMatchObject({
      status: "fresh",
      state: "ready",
      generation: 1,
      has_refresh_token: true,
      scopes_requested: ["read", "write"],
      scopes_granted: ["read", "write"],
    });
    expect(world.idp.grants.acceptsAccess(attributes.credentials.access_token)).toBe(true);
    const events = await world.database
      .owner`select event, actor from secret_events where secret_id = ${secretId} order by id`;
    expect(events.map((event) => event.event)).toEqual(["created", "authorized"]);
    const audit = await world.database
      .owner`select action from audit_entries where target_id = ${secretId} order by id`;
    expect(audit.map((entry) => entry.action)).toEqual(
      expect.arrayContaining(["secret.authorize", "secret.authorized"]),
    );
    expect((await world.refresh(secretId)).body.data.attributes.generation).toBe(2);
  });

  it("asks with PKCE S256, a long state and the secret's own redirect URI, and proves the verifier", async () => {
    const secretId = await addUnauthorized(world);
    const back = await browser.toProvider(secretId);
    const [asked] = world.idp.authorizations;
    const { redirect_uri } = await read(secretId);
    expect(asked?.get("redirect_uri")).toBe(redirect_uri);
    expect(asked?.get("response_type")).toBe("code");
    expect(asked?.get("client_id")).toBe("client");
    expect(asked?.get("scope")).toBe("read write");
    expect(asked?.get("code_challenge_method")).toBe("S256");
    expect(asked?.get("state")?.length).toBeGreaterThanOrEqual(22);
    await browser.callback(back);
    const form = world.idp.calls[0]?.form ?? {};
    expect(form.redirect_uri).toBe(redirect_uri);
    expect(form.code_verifier).toMatch(/^[A-Za-z0-9._~-]{43,128}$/);
    expect(
      createHash("sha256")
        .update(form.code_verifier ?? "")
        .digest("base64url"),
    ).toBe(asked?.get("code_challenge"));
  });

  it("uses fresh state and verifier each time", async () => {
    const secretId = await addUnauthorized(world);
    for (let n = 0; n < 50; n++)
      await browser.authorize(secretId).then((a) => fetch(a.headers.get("location") ?? "", { redirect: "manual" }));
    const states = world.idp.authorizations.map((asked) => asked.get("state"));
    const challenges = world.idp.authorizations.map((asked) => asked.get("code_challenge"));
    expect(new Set(states).size).toBe(50);
    expect(new Set(challenges).size).toBe(50);
  });

  it("stores neither state nor verifier in the clear, and erases the verifier after use", async () => {
    const secretId = await addUnauthorized(world);
    const back = await browser.toProvider(secretId);
    const text = async () =>
      JSON.stringify(
        await world.database
          .owner`select a.*, encode(sealed, 'escape') as s from oauth_attempts a where secret_id = ${secretId}`,
      );
    expect(await text()).not.toContain(back.searchParams.get("state"));
    await browser.callback(back);
    const after = await text();
    expect(after).not.toContain(world.idp.calls[0]?.form.code_verifier);
    expect(after).not.toContain(back.searchParams.get("code"));
    const [row] = await world.database.owner`select sealed from oauth_attempts where secret_id = ${secretId}`;
    expect(row?.sealed).toBeNull();
  });

  it("joins scopes by the client's separator and adds parameters of client and secret, never the protocol's own", async () => {
    const clientId = await world.addClient({
      scope_separator: ",",
      authorize_params: { audience: "api", prompt: "login" },
      resource: "https://api.example.com/",
      token_params: { audience: "api" },
      refresh_params: { extra: "1" },
    });
    const secretId = await addUnauthorized(
      world,
      {
        scope: "read, write",
        additional_params: JSON.stringify({
          prompt: "consent",
          access_type: "offline",
          state: "mine",
          redirect_uri: "https://evil.example",
          client_id: "other",
          response_type: "token",
          code_challenge: "x",
        }),
      },
      clientId,
    );
    await browser.callback(await browser.toProvider(secretId));
    const asked = Object.fromEntries(world.idp.authorizations[0] ?? []);
    expect(asked).toMatchObject({
      scope: "read,write",
      audience: "api",
      prompt: "consent",
      access_type: "offline",
      resource: "https://api.example.com/",
      client_id: "client",
      response_type: "code",
    });
    expect(asked.redirect_uri).toMatch(/^http:\/\/latchkey\.test\/api\/oauth\/callback\//);
    expect(asked.state).not.toBe("mine");
    expect(world.idp.calls[0]?.form).toMatchObject({ audience: "api", resource: "https://api.example.com/" });
    await world.refresh(secretId);
    expect(world.idp.refreshCalls()[0]?.form).toMatchObject({ extra: "1", resource: "https://api.example.com/" });
  });

  it("keeps the query of the authorization endpoint", async () => {
    const clientId = await world.addClient({ auth_uri: `${world.idp.url}/authorize?tenant=a%20b` });
    const secretId = await addUnauthorized(world, {}, clientId);
    await browser.toProvider(secretId);
    expect(world.idp.authorizations[0]?.get("tenant")).toBe("a b");
  });

  it("sends no challenge where the client switched PKCE off", async () => {
    const clientId = await world.addClient({ pkce: "off" });
    const secretId = await addUnauthorized(world, {}, clientId);
    const answer = await browser.callback(await browser.toProvider(secretId));
    expect(leadsTo(answer)).toContain("authorized=");
    expect(world.idp.authorizations[0]?.has("code_challenge")).toBe(false);
    expect(world.idp.calls[0]?.form.code_verifier).toBeUndefined();
  });

  it.each([
    ["client_secret_basic", "client_secret_basic"],
    ["client_secret_post", "client_secret_post"],
    ["auto", "client_secret_post"],
  ])("authenticates the client with %s", async (method, used) => {
    const clientId = await world.addClient({ token_endpoint_auth_method: method });
    const secretId = await addUnauthorized(world, {}, clientId);
    expect(leadsTo(await browser.callback(await browser.toProvider(secretId)))).toContain("authorized=");
    expect(world.idp.calls.map((c) => c.auth)).toEqual([used]);
  });

  it("works for a public client", async () => {
    world.idp.clients.set("public", { id: "public", secret: null, methods: ["none"] });
    const clientId = await world.addClient({
      client_id: "public",
      client_secret: undefined,
      token_endpoint_auth_method: "none",
    });
    const secretId = await addUnauthorized(world, {}, clientId);
    expect(leadsTo(await browser.callback(await browser.toProvider(secretId)))).toContain("authorized=");
    expect(world.idp.calls[0]?.form.client_id).toBe("public");
  });

  it("shares one redirect URI among a client's secrets where the client says so", async () => {
    const clientId = await world.addClient({ redirect_uri_per: "client" });
    const ids = [await addUnauthorized(world, {}, clientId), await addUnauthorized(world, {}, clientId)];
    for (const id of ids) expect(leadsTo(await browser.callback(await browser.toProvider(id)))).toContain(id);
    expect(new Set(world.idp.authorizations.map((asked) => asked.get("redirect_uri"))).size).toBe(1);
  });

  it("of two tabs does not disturb each other", async () => {
    const ids = [await addUnauthorized(world), await addUnauthorized(world)];
    const backs = [await browser.toProvider(ids[0] as string), await browser.toProvider(ids[1] as string)];
    expect(leadsTo(await browser.callback(backs[1] as URL))).toContain(`authorized=${ids[1]}`);
    expect(leadsTo(await browser.callback(backs[0] as URL))).toContain(`authorized=${ids[0]}`);
  });

  it("takes the redirect URI from settings, whatever Host says", async () => {
    const secretId = await addUnauthorized(world);
    const { GET } = await import("@/app/api/oauth/authorize/[secretId]/route");
    const answer = await call(GET, {
      url: `http://evil.example/api/oauth/authorize/${secretId}`,
      params: { secretId },
      headers: {
        ...browser.headers,
        host: "evil.example",
        "x-forwarded-host": "evil.example",
        "x-forwarded-proto": "https",
      },
    });
    const away = new URL(answer.headers.get("location") as string);
    expect(new URL(away.searchParams.get("redirect_uri") as string).origin).toBe("http://latchkey.test");
  });
});

describe("authorizing again", () => {
  it("replaces the tokens only on success", async () => {
    const secretId = await addUnauthorized(world);
    await browser.callback(await browser.toProvider(secretId));
    const before = await read(secretId);
    world.idp.authorization = { parameters: { error: "access_denied" } };
    await browser.callback(await browser.toProvider(secretId));
    world.idp.authorization = {};
    world.idp.next({ error: { code: "invalid_grant" } });
    await browser.callback(await browser.toProvider(secretId));
    const kept = await read(secretId);
    expect(kept.credentials).toEqual(before.credentials);
    expect(kept).toMatchObject({ status: "fresh", generation: 1 });
    await browser.callback(await browser.toProvider(secretId));
    const after = await read(secretId);
    expect(after.generation).toBe(2);
    expect(after.credentials.refresh_token).not.toBe(before.credentials.refresh_token);
  });

  it("revives a secret that was dead", async () => {
    const secretId = await addUnauthorized(world);
    await browser.callback(await browser.toProvider(secretId));
    await world.database
      .owner`update token_state set status = 'dead', refresh_due_at = null, problem = '{"code":"grant_refused"}' where secret_id = ${secretId}`;
    await browser.callback(await browser.toProvider(secretId));
    expect(await read(secretId)).toMatchObject({ status: "fresh", state: "ready", problem: null });
  });
});

describe("without a refresh token", () => {
  it("it says so, and the secret serves until it expires", async () => {
    world.idp.consent = { offline: false };
    const secretId = await addUnauthorized(world);
    const answer = await browser.callback(await browser.toProvider(secretId));
    expect(leadsTo(answer)).toContain(`authorized=${secretId}`);
    expect(await read(secretId)).toMatchObject({ status: "fresh", has_refresh_token: false, refresh_due_at: null });
    const [event] = await world.database
      .owner`select detail from secret_events where secret_id = ${secretId} and event = 'authorized'`;
    expect(event?.detail).toContain("No refresh token");
    await world.database
      .owner`update token_state set expires_at = now() - interval '1 s' where secret_id = ${secretId}`;
    const expired = await world.token(secretId);
    expect(expired.status).toBe(409);
    const { problem } = await read(secretId);
    for (const cure of ["offline_access", "access_type=offline", "prompt=consent"])
      expect(problem.detail).toContain(cure);
    expect((await world.refresh(secretId)).status).toBe(400);
  });

  it("and without a lifetime it never expires", async () => {
    world.idp.consent = { offline: false };
    world.idp.next({ change: { expires_in: null } });
    const secretId = await addUnauthorized(world);
    await browser.callback(await browser.toProvider(secretId));
    expect(await read(secretId)).toMatchObject({ status: "fresh", expires_at: null });
    expect((await world.token(secretId)).body.data.attributes.valid_for).toBeNull();
  });
});

describe("the link to start with", () => {
  const link = (secretId: string, as: Record<string, string>) =>
    call(AUTHORIZE_LINK, {
      method: "POST",
      url: "/",
      params: { workspaceId: world.place.workspaceId, secretId },
      as,
    });

  it("leads to our page, which needs a signed-in person and goes on to the provider", async () => {
    const secretId = await addUnauthorized(world);
    const { attributes, type } = (await link(secretId, world.owner.basic)).body.data;
    expect(type).toBe("authorization");
    expect(attributes.url).toMatch(new RegExp(`^http://latchkey\\.test/api/oauth/authorize/${secretId}`));
    expect(attributes.redirect_uri).toBe((await read(secretId)).redirect_uri);
    expect(Date.parse(attributes.expires_at) - Date.now()).toBeGreaterThan(9 * 60_000);
    const query = new URL(attributes.url).search;
    const anonymous = await new Browser(null).authorize(secretId, query);
    expect(leadsTo(anonymous)).toContain("/sign-in?from=");
    const away = await browser.authorize(secretId, query);
    expect(away.headers.get("location")).toContain(`${world.idp.url}/authorize?`);
  });

  it("expires", async () => {
    const secretId = await addUnauthorized(world);
    const answer = await browser.authorize(secretId, `?until=${Math.floor(Date.now() / 1000) - 1}`);
    expect(leadsTo(answer)).toContain("reason=link_expired");
    expect(leadsTo(await browser.authorize(secretId, "?until=soon"))).toContain("reason=link_expired");
  });

  it("may be opened by another person who may edit; whoever opens it is who finishes", async () => {
    const secretId = await addUnauthorized(world);
    const theirs = await Browser.of(colleague.id);
    const answer = await theirs.callback(await theirs.toProvider(secretId));
    expect(leadsTo(answer)).toContain(`authorized=${secretId}`);
  });

  it("is refused to a task identity", async () => {
    const secretId = await addUnauthorized(world);
    expect((await link(secretId, world.task.basic)).status).toBe(403);
  });
});

describe("scopes asked for and granted (OA-18)", () => {
  const scopes = async (secretId: string) => {
    const { scopes_requested, scopes_granted, credentials } = await read(secretId);
    return { asked: scopes_requested, granted: scopes_granted, wire: credentials.scope };
  };
  const authorize = async (secretId: string, granted: string) => {
    world.idp.consent = { scope: granted };
    const back = await browser.toProvider(secretId);
    expect(leadsTo(await browser.callback(back))).toContain("authorized=");
  };
  const askedLast = () => world.idp.authorizations.at(-1)?.get("scope");

  it.each([
    ["less", "read", ["read"]],
    ["more", "read write admin", ["read", "write", "admin"]],
    ["others", "admin openid", ["admin", "openid"]],
    ["none it names", "", []],
  ])(
    "%s is stored and shown beside what was asked, and is not asked for the next time",
    async (_what, said, granted) => {
      const secretId = await addUnauthorized(world, { scope: "read write" });
      await authorize(secretId, said);
      expect(await scopes(secretId)).toEqual({ asked: ["read", "write"], granted, wire: said || "read write" });
      expect((await world.token(secretId)).body.data.attributes.scope).toBe(said || "read write");
      const [row] = await world.database.owner`select s.scope, t.scope_granted from secrets s join token_state t
      on t.secret_id = s.id where s.id = ${secretId}`;
      expect(row).toEqual({ scope: "read write", scope_granted: said || null });
      await world.makeDue(secretId);
      expect((await world.refresh(secretId)).status).toBe(200);
      expect(await scopes(secretId)).toMatchObject({ asked: ["read", "write"] });
      const presented = world.idp.refreshCalls().at(-1);
      expect(presented?.form).not.toHaveProperty("scope");
      await authorize(secretId, "read write");
      expect(askedLast()).toBe("read write");
      expect(await scopes(secretId)).toMatchObject({ asked: ["read", "write"], granted: ["read", "write"] });
    },
  );

  it("a refresh that narrows them is shown too, and one that names none keeps what was granted", async () => {
    const secretId = await addUnauthorized(world, { scope: "read write" });
    await authorize(secretId, "read write");
    world.idp.next({ change: { scope: "read" } });
    await world.refresh(secretId);
    expect(await scopes(secretId)).toEqual({ asked: ["read", "write"], granted: ["read"], wire: "read" });
    await world.database
      .owner`update token_state set received_at = now() - interval '1 min' where secret_id = ${secretId}`;
    world.idp.next({ change: { scope: null } });
    await world.refresh(secretId);
    expect(await scopes(secretId)).toEqual({ asked: ["read", "write"], granted: ["read"], wire: "read" });
  });
});
