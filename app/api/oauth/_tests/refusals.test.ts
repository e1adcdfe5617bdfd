import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { PATCH as PATCH_CLIENT } from "@/app/v2/auth-clients/[id]/route";
import { GET as FAILURE } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/authorization-failure/route";
import { DELETE as DELETE_SECRET } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/route";
import { forgetCallers } from "@/lib/accounts/caller-cache";
import { rooms } from "@/lib/egress/rooms";
import { makePerson, makePlace, OWNER, type Person } from "@/lib/testing/callers";
import { call } from "@/lib/testing/http";
import type { Behaviour } from "@/lib/testing/idp-behaviour";
import { useOAuthWorld } from "@/lib/testing/oauth-world";
import { addUnauthorized, Browser, leadsTo, patchSecret } from "./browser";

/** Every way the redirect flow may go wrong: no code redeemed that should not be, nothing stored, a page that says what happened. */
const world = useOAuthWorld();
let browser: Browser;
let colleague: Person;
let guest: Person;
let stranger: Person;
let secretId: string;

beforeAll(async () => {
  colleague = await makePerson(world.place, OWNER);
  guest = await makePerson(world.place, { workspace: "guest" });
  stranger = await makePerson(await makePlace(), OWNER);
});
beforeEach(async () => {
  browser = await Browser.of(world.owner.id);
  secretId = await addUnauthorized(world);
});

/** The callback ended on a failure page for this reason, and nothing was redeemed or stored. */
async function expectRefused(answer: Awaited<ReturnType<Browser["callback"]>>, reason: string, ofSecret = true) {
  expect(answer.status).toBe(303);
  const path = ofSecret ? `/workspaces/${world.place.workspaceId}/secrets/${secretId}/failed` : "/connect-failed";
  expect(leadsTo(answer)).toBe(`${path}?reason=${reason}`);
  expect(answer.headers.get("referrer-policy")).toBe("no-referrer");
  expect(world.idp.calls).toEqual([]);
  expect(await world.state(secretId)).toMatchObject({ status: "unauthorized", sealed: null });
}

const changed = (url: URL, change: (parameters: URLSearchParams) => void): URL => {
  const next = new URL(url);
  change(next.searchParams);
  return next;
};

describe("state", () => {
  it.each([
    ["is missing", (p: URLSearchParams) => p.delete("state")],
    ["is empty", (p: URLSearchParams) => p.set("state", "")],
    ["is wrong", (p: URLSearchParams) => p.set("state", "A".repeat(43))],
    ["comes twice", (p: URLSearchParams) => p.append("state", p.get("state") as string)],
    ["is enormous", (p: URLSearchParams) => p.set("state", "x".repeat(8000))],
  ])("that %s is refused", async (_what, change) => {
    const back = await browser.toProvider(secretId);
    await expectRefused(await browser.callback(changed(back, change)), "state_unknown", false);
  });

  it("is single use", async () => {
    const back = await browser.toProvider(secretId);
    expect(leadsTo(await browser.callback(back))).toContain("authorized=");
    const again = await browser.callback(back);
    expect(leadsTo(again)).toContain("reason=state_used");
    expect(world.idp.calls).toHaveLength(1);
  });

  it("is used up by an error answer too", async () => {
    const back = await browser.toProvider(secretId);
    const denied = changed(back, (p) => {
      p.delete("code");
      p.set("error", "access_denied");
    });
    await expectRefused(await browser.callback(denied), "access_denied");
    await expectRefused(await browser.callback(back), "state_used");
  });

  it("lives ten minutes", async () => {
    const back = await browser.toProvider(secretId);
    const [row] = await world.database
      .owner`select extract(epoch from expires_at - now())::float8 as s from oauth_attempts where secret_id = ${secretId}`;
    expect(row?.s).toBeGreaterThan(590);
    expect(row?.s).toBeLessThanOrEqual(600);
    await world.database
      .owner`update oauth_attempts set expires_at = now() - interval '1 s' where secret_id = ${secretId}`;
    await expectRefused(await browser.callback(back), "state_expired");
  });
});

describe("whoever comes back", () => {
  it("must be signed in", async () => {
    const back = await browser.toProvider(secretId);
    browser.forget("latchkey.session");
    await expectRefused(await browser.callback(back), "not_signed_in", false);
  });

  it("must come in the same browser", async () => {
    const back = await browser.toProvider(secretId);
    await expectRefused(await (await Browser.of(world.owner.id)).callback(back), "other_browser", false);
    browser.forget("latchkey.connect");
    await expectRefused(await browser.callback(back), "other_browser", false);
  });

  it("must be the same person, also in the same browser", async () => {
    const back = await browser.toProvider(secretId);
    const session = browser.session;
    await browser.signInAs(colleague.id);
    await expectRefused(await browser.callback(back), "other_person", false);
    browser.session = session;
    expect(leadsTo(await browser.callback(back))).toContain("authorized=");
  });

  it("must come in the session it was started in: the same person, signed in anew, starts anew", async () => {
    const back = await browser.toProvider(secretId);
    const session = browser.session;
    await browser.signInAs(world.owner.id);
    await expectRefused(await browser.callback(back), "other_session");
    browser.session = session;
    expect(leadsTo(await browser.callback(back))).toContain("authorized=");
  });

  it("must bring both cookies: neither stands for the other", async () => {
    const back = await browser.toProvider(secretId);
    const session = browser.session;
    browser.forget("latchkey.connect");
    await expectRefused(await browser.callback(back), "other_browser", false);
    const elsewhere = await Browser.of(world.owner.id);
    await elsewhere.toProvider(await addUnauthorized(world));
    elsewhere.session = session;
    await expectRefused(await elsewhere.callback(back), "other_browser", false);
  });

  it("learns nothing of another tenant's", async () => {
    const back = await browser.toProvider(secretId);
    const theirs = await Browser.of(stranger.id);
    await expectRefused(await theirs.callback(back), "state_unknown", false);
    expect(leadsTo(await theirs.authorize(secretId))).toBe("/connect-failed?reason=secret_gone");
  });

  it("must still hold the permission", async () => {
    const person = await makePerson(world.place, { workspace: "integrator" });
    const theirs = await Browser.of(person.id);
    const back = await theirs.toProvider(secretId);
    await world.database.owner`update memberships set role = 'guest' where user_id = ${person.id}`;
    forgetCallers(); // as whoever takes a role away does; other processes follow within 5 s
    await expectRefused(await theirs.callback(back), "forbidden");
  });

  it("cannot start without the permission", async () => {
    const answer = await (await Browser.of(guest.id)).authorize(secretId);
    expect(leadsTo(answer)).toContain("reason=forbidden");
    expect((await (await Browser.of(guest.id)).authorize("nonsense")).status).toBe(303);
  });
});

describe("the place it comes back to", () => {
  it("must be the one the request was for", async () => {
    const other = await addUnauthorized(world);
    const back = await browser.toProvider(secretId);
    const elsewhere = await browser.toProvider(other);
    const crossed = new URL(back);
    crossed.pathname = elsewhere.pathname;
    await expectRefused(await browser.callback(crossed), "other_context");
    await expectRefused(await browser.callback(back), "state_used");
  });

  it("is void when the client was edited meanwhile", async () => {
    const clientId = await world.addClient();
    secretId = await addUnauthorized(world, {}, clientId);
    const back = await browser.toProvider(secretId);
    const edited = await call(PATCH_CLIENT, {
      method: "PATCH",
      url: "/",
      params: { id: clientId },
      as: world.owner.basic,
      json: { data: { type: "auth-client", attributes: { name: `Edited ${clientId}` } } },
    });
    expect(edited.status).toBe(200);
    await expectRefused(await browser.callback(back), "client_changed");
  });

  it("is void when the secret is gone", async () => {
    const back = await browser.toProvider(secretId);
    const url = `/v2/workspaces/${world.place.workspaceId}/secrets/${secretId}`;
    await call(DELETE_SECRET, {
      method: "DELETE",
      url,
      params: { workspaceId: world.place.workspaceId, secretId },
      as: world.owner.basic,
    });
    expect(leadsTo(await browser.callback(back))).toMatch(/reason=(state_unknown|secret_gone)$/);
    expect(world.idp.calls).toEqual([]);
  });

  it("keeps nothing when the secret goes while the code is redeemed", async () => {
    const back = await browser.toProvider(secretId);
    world.idp.next({ holdMs: 400 });
    const finishing = browser.callback(back);
    await new Promise((resolve) => setTimeout(resolve, 200));
    await call(DELETE_SECRET, {
      method: "DELETE",
      url: "/",
      params: { workspaceId: world.place.workspaceId, secretId },
      as: world.owner.basic,
    });
    expect(leadsTo(await finishing)).toContain("reason=secret_gone");
    expect(await world.database.owner`select 1 from token_ledger where secret_id = ${secretId}`).toEqual([]);
  });
});

describe("a provider that so many wait for already (SS-9)", () => {
  it("is not asked for more; the person is told, nothing is used up, and the same page works a moment later", async () => {
    const back = await browser.toProvider(secretId);
    const held: (() => void)[] = [];
    const { tenantId } = world.place;
    for (let leave = rooms().enter(world.idp.url, tenantId); leave; leave = rooms().enter(world.idp.url, tenantId))
      held.push(leave);
    expect(leadsTo(await browser.callback(back))).toContain("reason=provider_busy");
    expect(world.idp.calls).toEqual([]);
    expect(rooms().enter(world.idp.url, "another tenant")).not.toBeNull();
    for (const leave of held) leave();
    expect(leadsTo(await browser.callback(back))).not.toContain("reason=");
    expect(world.idp.calls).toHaveLength(1);
    expect(rooms().enter(world.idp.url, tenantId)).not.toBeNull();
  });
});

describe("code", () => {
  it.each([
    ["is missing", (p: URLSearchParams) => p.delete("code")],
    ["is empty", (p: URLSearchParams) => p.set("code", "")],
    ["comes twice", (p: URLSearchParams) => p.append("code", "another")],
    [
      "comes with two errors",
      (p: URLSearchParams) => {
        p.append("error", "a");
        p.append("error", "b");
      },
    ],
  ])("that %s is refused", async (_what, change) => {
    const back = await browser.toProvider(secretId);
    await expectRefused(await browser.callback(changed(back, change)), "code_missing");
  });

  it("is redeemed once, however many identical callbacks come at once", async () => {
    const back = await browser.toProvider(secretId);
    world.idp.next({ holdMs: 200 });
    const answers = await Promise.all(Array.from({ length: 50 }, () => browser.callback(back)));
    expect(world.idp.calls).toHaveLength(1);
    const ends = answers.map(leadsTo);
    expect(ends.filter((end) => end.includes("authorized="))).toHaveLength(1);
    expect(ends.filter((end) => end.includes("reason=state_used"))).toHaveLength(49);
    expect((await world.read(secretId)).body.data.attributes).toMatchObject({ status: "fresh", generation: 1 });
  });

  it("is not redeemed again after a failed exchange", async () => {
    const back = await browser.toProvider(secretId);
    world.idp.next({ instead: { kind: "drop" } });
    expect(leadsTo(await browser.callback(back))).toContain("reason=provider_failed");
    expect(leadsTo(await browser.callback(back))).toContain("reason=state_used");
    expect(world.idp.calls).toHaveLength(1);
  });
});

describe("iss (RFC 9207)", () => {
  /** announced, sent (null: absent), accepted. */
  const table: [boolean, string | null, boolean][] = [
    [true, "exact", true],
    [true, null, false],
    [true, "https://other.example", false],
    [true, "slash", false],
    [true, "case", false],
    [false, "exact", true],
    [false, null, true],
    [false, "https://other.example", false],
  ];

  it.each(table)("announced: %s, sent: %s, accepted: %s", async (announced, sent, accepted) => {
    const clientId = await world.addClient({ issuer: world.idp.url });
    // What discovery found out when the client was made.
    await world.database.owner`update auth_clients
      set options = jsonb_set(options, '{iss_parameter}', ${announced ? "true" : "false"}::text::jsonb) where id = ${clientId}`;
    secretId = await addUnauthorized(world, {}, clientId);
    const back = await browser.toProvider(secretId);
    const wanted = { exact: world.idp.url, slash: `${world.idp.url}/`, case: world.idp.url.toUpperCase() };
    const answer = await browser.callback(
      changed(back, (p) => {
        p.delete("iss");
        if (sent !== null) p.set("iss", wanted[sent as keyof typeof wanted] ?? sent);
      }),
    );
    if (accepted) expect(leadsTo(answer)).toContain("authorized=");
    else await expectRefused(answer, "issuer_mismatch");
  });

  it("sent twice is refused", async () => {
    const clientId = await world.addClient({ issuer: world.idp.url });
    secretId = await addUnauthorized(world, {}, clientId);
    const back = await browser.toProvider(secretId);
    const twice = changed(back, (p) => p.append("iss", world.idp.url));
    await expectRefused(await browser.callback(twice), "issuer_mismatch");
  });

  it("is not compared where no issuer is known", async () => {
    const back = await browser.toProvider(secretId);
    const answer = await browser.callback(changed(back, (p) => p.set("iss", "https://whoever.example")));
    expect(leadsTo(answer)).toContain("authorized=");
  });

  it("is judged before an error is believed", async () => {
    const clientId = await world.addClient({ issuer: world.idp.url });
    secretId = await addUnauthorized(world, {}, clientId);
    const back = await browser.toProvider(secretId);
    const mixed = changed(back, (p) => {
      p.set("iss", "https://other.example");
      p.delete("code");
      p.set("error", "access_denied");
    });
    await expectRefused(await browser.callback(mixed), "issuer_mismatch");
  });
});

describe("what the provider sends back instead of a code", () => {
  it.each([
    ["access_denied", "access_denied"],
    ["consent_required", "access_denied"],
    ["login_required", "access_denied"],
    ["interaction_required", "access_denied"],
    ["invalid_scope", "invalid_scope"],
    ["unauthorized_client", "invalid_client"],
    ["redirect_uri_mismatch", "redirect_uri_mismatch"],
    ["server_error", "provider_failed"],
    ["temporarily_unavailable", "provider_failed"],
    ["something_new", "provider_failed"],
    ["<script>alert(1)</script>", "provider_failed"],
  ])("%s leads to a page in plain words (%s)", async (error, reason) => {
    world.idp.authorization = { parameters: { error, error_description: `<img src=x onerror=alert(1)> "${error}"` } };
    const answer = await browser.callback(await browser.toProvider(secretId));
    await expectRefused(answer, reason);
    const told = await call(FAILURE, {
      url: `/?reason=${reason}`,
      params: { workspaceId: world.place.workspaceId, secretId },
      as: world.owner.basic,
    });
    expect(told.status).toBe(200);
    const { title, detail, who, cure, provider_said, redirect_uri } = told.body.data.attributes;
    for (const text of [title, detail, cure]) expect(text).toMatch(/^[A-Z].{10,}/);
    expect(["you", "admin", "provider"]).toContain(who);
    expect(redirect_uri).toContain("/api/oauth/callback/");
    expect(provider_said?.length ?? 0).toBeLessThanOrEqual(200);
    const [attempt] = await world.database.owner`select consumed_at from oauth_attempts where secret_id = ${secretId}`;
    expect(attempt?.consumed_at).not.toBeNull();
  });
});

describe("a failed exchange", () => {
  const failures: [string, Behaviour, string][] = [
    ["invalid_grant", { error: { code: "invalid_grant" } }, "code_refused"],
    ["invalid_client", { error: { status: 401, code: "invalid_client" } }, "invalid_client"],
    ["invalid_scope", { error: { code: "invalid_scope" } }, "invalid_scope"],
    ["redirect_uri_mismatch", { error: { code: "redirect_uri_mismatch" } }, "redirect_uri_mismatch"],
    ["500", { error: { status: 500 } }, "provider_failed"],
    ["429", { error: { status: 429 } }, "provider_failed"],
    ["HTML", { instead: { kind: "raw", status: 200, body: "<html></html>" } }, "no_access_token"],
    [
      "an empty object",
      { instead: { kind: "raw", status: 200, type: "application/json", body: "{}" } },
      "no_access_token",
    ],
    ["a redirect", { instead: { kind: "redirect", status: 307, location: "/stray" } }, "provider_failed"],
    ["50 MB", { instead: { kind: "huge", bytes: 50 * 1024 * 1024 } }, "provider_failed"],
    ["a gzip bomb", { instead: { kind: "gzip_bomb", bytes: 50 * 1024 * 1024 } }, "provider_failed"],
    ["half an answer", { instead: { kind: "half" } }, "provider_failed"],
    ["an error inside a 200", { error: { status: 200, code: "bad_verification_code" } }, "code_refused"],
  ];

  it.each(failures)("(%s) stores nothing and says what happened", async (_name, behaviour, reason) => {
    const clientId = await world.addClient({ token_endpoint_auth_method: "client_secret_post" });
    secretId = await addUnauthorized(world, {}, clientId);
    world.idp.next(behaviour);
    const back = await browser.toProvider(secretId);
    const answer = await browser.callback(back);
    expect(leadsTo(answer)).toContain(`/secrets/${secretId}/failed?reason=${reason}`);
    expect(await world.state(secretId)).toMatchObject({ status: "unauthorized", sealed: null });
    expect(world.idp.calls).toHaveLength(1);
    expect(world.idp.strays).toEqual([]);
    const told = await call(FAILURE, {
      url: "/",
      params: { workspaceId: world.place.workspaceId, secretId },
      as: world.owner.basic,
    });
    expect(JSON.stringify(told.body)).not.toContain(back.searchParams.get("code"));
  });

  it("at an address that is not allowed names the administrator", async () => {
    const clientId = await world.addClient();
    await world.database
      .owner`update auth_clients set options = jsonb_set(options, '{token_uri}', '"http://10.1.2.3/token"') where id = ${clientId}`;
    secretId = await addUnauthorized(world, {}, clientId);
    const answer = await browser.callback(await browser.toProvider(secretId));
    await expectRefused(answer, "egress_blocked");
  });

  it("whose PKCE verifier does not fit is the provider's refusal", async () => {
    const back = await browser.toProvider(secretId);
    const code = world.idp.codes.get(back.searchParams.get("code") as string);
    if (!code) throw new Error("no code");
    code.challenge = "another";
    expect(leadsTo(await browser.callback(back))).toContain("reason=code_refused");
  });
});

describe("while a flow is under way", () => {
  it("edits of the secret do not disturb it", async () => {
    const back = await browser.toProvider(secretId);
    await patchSecret(world, secretId, { name: `Renamed ${secretId}` });
    expect(leadsTo(await browser.callback(back))).toContain("authorized=");
  });

  it("a slow provider is waited for", async () => {
    const back = await browser.toProvider(secretId);
    world.idp.next({ holdMs: 1_000 });
    expect(leadsTo(await browser.callback(back))).toContain("authorized=");
  });
});
