import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { safePath } from "@/components/accounts/safe-path";
import { makePerson, makePlace, OWNER, type Person, type Place } from "@/lib/testing/callers";
import { FakeIdp } from "@/lib/testing/fake-idp";
import type { Behaviour } from "@/lib/testing/idp-behaviour";
import { type OAuthWorld, useOAuthWorld } from "@/lib/testing/oauth-world";
import { addUnauthorized, Browser, leadsTo } from "./browser";

/**
 * The attacks on the redirect flow (FAULTS C18): 0 grants at the provider and 0 tokens in the tables, after each of them. What
 * stands elsewhere:
 *
 * - state missing, wrong, twice, replayed, expired; other browser, person, session, tenant, client version; permission lost;
 *   iss (the table of OA-5); fifty callbacks at once; a code after a failed exchange: refusals.test.ts beside this file
 * - state and verifier fresh, hashed, sealed, erased; Host forged: flow.test.ts beside this file
 * - sign-in's own redirects in a browser: e2e/sign-in.spec.ts; what a callback leaves behind: e2e/callback-traces.spec.ts
 * - answers of a token endpoint, limits and types in full: lib/oauth/token-answer.test.ts, lib/egress/safe-fetch.test.ts
 *
 * Audience injection (a malicious server naming another's token endpoint, so that an assertion made for it works there) needs
 * signed client assertions. There are none: clients prove themselves by their own secret, to their own pinned endpoint only,
 * which the first test of "another provider" counts.
 */
const world = useOAuthWorld();
const evil = new FakeIdp();
let victim: Browser;
let attacker: Browser;
let mallory: Person;
/** Another tenant, and one who owns it. */
let elsewhere: { place: Place; owner: Person };
/** The world as the other tenant sees it. */
let theirs: OAuthWorld;

beforeAll(async () => {
  await evil.start();
  mallory = await makePerson(world.place, OWNER);
  const place = await makePlace();
  elsewhere = { place, owner: await makePerson(place, OWNER) };
});
afterAll(() => evil.stop());
beforeEach(async () => {
  evil.reset();
  for (const idp of [world.idp, evil]) {
    idp.codes.clear();
    idp.grants.grants.clear();
  }
  victim = await Browser.of(world.owner.id);
  attacker = await Browser.of(mallory.id);
  theirs = { ...world, place: elsewhere.place, owner: elsewhere.owner };
});

/** Nothing was granted and nothing kept: by the providers' truth and by every table that could hold a token. */
async function nothingGained(): Promise<void> {
  for (const idp of [world.idp, evil]) expect(idp.grants.grants.size).toBe(0);
  const { owner } = world.database;
  expect(await owner`select 1 from token_ledger`).toEqual([]);
  expect(await owner`select 1 from token_state where sealed is not null or generation > 0`).toEqual([]);
}
afterEach(nothingGained);

/** No provider was even asked. */
const nobodyAsked = () => expect([world.idp.calls, evil.calls]).toEqual([[], []]);

const changed = (url: URL, change: Record<string, string>): URL => {
  const next = new URL(url);
  for (const [name, value] of Object.entries(change)) next.searchParams.set(name, value);
  return next;
};

const evilClient = (more: Record<string, unknown> = {}) =>
  world.addClient({
    auth_uri: `${evil.url}/authorize`,
    token_uri: `${evil.url}/token`,
    refresh_token_uri: `${evil.url}/refresh`,
    ...more,
  });

describe("another provider", () => {
  it("that sends the person on to an honest one gets no code of it (COAT)", async () => {
    const honest = await victim.toProvider(await addUnauthorized(world));
    const trap = await victim.toProvider(await addUnauthorized(world, {}, await evilClient()));
    // The honest provider answers at the honest address, with the state of the trap; and at the trap's address.
    const code = honest.searchParams.get("code") as string;
    const state = trap.searchParams.get("state") as string;
    const iss = world.idp.url;
    expect(leadsTo(await victim.callback(changed(honest, { state })))).toContain("reason=other_context");
    nobodyAsked();
    const again = await victim.toProvider(await addUnauthorized(world, {}, await evilClient({ issuer: evil.url })));
    expect(leadsTo(await victim.callback(changed(again, { code, iss })))).toContain("reason=issuer_mismatch");
    nobodyAsked();
  });

  it("cannot slip its own code into a flow at an honest one (CORF)", async () => {
    const trap = await attacker.toProvider(await addUnauthorized(world, {}, await evilClient()));
    const code = trap.searchParams.get("code") as string;
    const honest = await victim.toProvider(
      await addUnauthorized(world, {}, await world.addClient({ issuer: world.idp.url })),
    );
    expect(leadsTo(await victim.callback(changed(honest, { code, iss: evil.url })))).toContain(
      "reason=issuer_mismatch",
    );
    nobodyAsked();
    // Without issuers the code goes to the honest provider alone, which does not know it.
    const plain = await victim.toProvider(await addUnauthorized(world));
    expect(leadsTo(await victim.callback(changed(plain, { code })))).toContain("reason=code_refused");
    expect(evil.calls).toEqual([]);
  });

  it("of another tenant, with the same client: an answer for one is void at the other, both ways", async () => {
    const ours = await victim.toProvider(await addUnauthorized(world));
    const theirBrowser = await Browser.of(elsewhere.owner.id);
    const clientId = await addClientOf(theirs);
    const their = await theirBrowser.toProvider(await addUnauthorized(theirs, {}, clientId));
    for (const [browser, at, from] of [
      [victim, ours, their],
      [theirBrowser, their, ours],
    ] as const) {
      // The whole answer of the other; its state at this address; this state at the other's address.
      expect(leadsTo(await browser.callback(from))).toBe("/connect-failed?reason=state_unknown");
      const state = from.searchParams.get("state") as string;
      expect(leadsTo(await browser.callback(changed(at, { state })))).toBe("/connect-failed?reason=state_unknown");
    }
    nobodyAsked();
    // The state of here at the address of there ends the attempt, unredeemed.
    const crossed = new URL(ours);
    crossed.pathname = their.pathname;
    expect(leadsTo(await victim.callback(crossed))).toContain("reason=other_context");
    nobodyAsked();
  });
});

async function addClientOf(other: OAuthWorld): Promise<string> {
  const { POST } = await import("@/app/v2/auth-clients/route");
  const { call } = await import("@/lib/testing/http");
  const answer = await call(POST, {
    method: "POST",
    url: "/v2/auth-clients",
    as: other.owner.basic,
    json: {
      data: {
        type: "auth-client",
        attributes: {
          type: "oauth2",
          name: "Theirs",
          credentials: {
            client_id: "client",
            client_secret: "client-secret-value",
            auth_uri: `${other.idp.url}/authorize`,
            token_uri: `${other.idp.url}/token`,
          },
        },
        relationships: { workspace: { data: { id: other.place.workspaceId, type: "workspace" } } },
      },
    },
  });
  expect(answer.status).toBe(201);
  return answer.body.data.id;
}

describe("session fixation", () => {
  it("a link that an attacker began ends nowhere in the victim's browser, also with the attacker's cookie in it", async () => {
    const secretId = await addUnauthorized(world);
    const link = await attacker.toProvider(secretId);
    expect(leadsTo(await victim.callback(link))).toBe("/connect-failed?reason=other_person");
    // The binding planted in the victim's browser, as a neighbour subdomain could.
    const session = attacker.session;
    attacker.session = victim.session;
    expect(leadsTo(await attacker.callback(link))).toBe("/connect-failed?reason=other_person");
    nobodyAsked();
    attacker.session = session;
  });

  it("a binding that somebody else chose is kept only if it looks like ours, and then proves nothing alone", async () => {
    for (const chosen of ["short", "A".repeat(44), "A".repeat(42), "../".repeat(14)]) {
      const planted = new Browser({ cookie: `latchkey.connect=${chosen}` });
      planted.session = victim.session;
      const away = await planted.authorize(await addUnauthorized(world));
      expect(away.headers.get("set-cookie")).not.toContain(`latchkey.connect=${chosen};`);
    }
    const chosen = `latchkey.connect=${"A".repeat(43)}`;
    const mine = new Browser({ cookie: chosen });
    mine.session = victim.session;
    const back = await mine.toProvider(await addUnauthorized(world));
    const other = new Browser({ cookie: chosen });
    other.session = attacker.session;
    expect(leadsTo(await other.callback(back))).toBe("/connect-failed?reason=other_person");
    nobodyAsked();
  });

  it("whoever opens an attacker's link to begin is who must finish", async () => {
    const secretId = await addUnauthorized(world);
    const back = await victim.toProvider(secretId);
    expect(leadsTo(await attacker.callback(back))).toBe("/connect-failed?reason=other_person");
    nobodyAsked();
  });
});

describe("a code", () => {
  it("stolen from one flow is refused in another of the same client and person (PKCE)", async () => {
    const one = await victim.toProvider(await addUnauthorized(world));
    const two = await victim.toProvider(await addUnauthorized(world));
    const code = one.searchParams.get("code") as string;
    expect(leadsTo(await victim.callback(changed(two, { code })))).toContain("reason=code_refused");
    expect(world.idp.calls).toHaveLength(1);
    expect(world.idp.calls[0]?.form.code_verifier).toMatch(/^[A-Za-z0-9._~-]{43,128}$/);
  });

  it("got with the challenge stripped or changed on the way is useless (PKCE downgrade)", async () => {
    for (const change of [
      (asked: URL) => asked.searchParams.delete("code_challenge"),
      (asked: URL) => asked.searchParams.set("code_challenge_method", "plain"),
      (asked: URL) => asked.searchParams.set("code_challenge", "A".repeat(43)),
    ]) {
      const away = new URL((await victim.authorize(await addUnauthorized(world))).headers.get("location") as string);
      expect(away.searchParams.get("code_challenge_method")).toBe("S256");
      change(away);
      const back = new URL((await fetch(away, { redirect: "manual" })).headers.get("location") as string);
      expect(leadsTo(await victim.callback(back))).toContain("reason=code_refused");
      expect(world.idp.calls.at(-1)?.form.code_verifier).toBeTruthy();
    }
  });
});

describe("a malicious token endpoint", () => {
  const json = (body: unknown): Behaviour => ({
    instead: { kind: "raw", status: 200, type: "application/json", body: JSON.stringify(body) },
    consume: false,
  });
  const answers: [string, Behaviour][] = [
    ...[301, 302, 303, 307, 308].map((status): [string, Behaviour] => [
      `redirects with ${status}`,
      { consume: false, instead: { kind: "redirect", status, location: "/stray" } },
    ]),
    [
      "answers with a page",
      { consume: false, instead: { kind: "raw", status: 200, body: "<html>access_token=x</html>" } },
    ],
    ["answers with 10 MB", { consume: false, instead: { kind: "huge", bytes: 10 * 1024 * 1024 } }],
    ["answers with a gzip bomb", { consume: false, instead: { kind: "gzip_bomb", bytes: 10 * 1024 * 1024 } }],
    ["answers with half of it", { consume: false, instead: { kind: "half" } }],
    ...[null, 7, true, "", [], ["token"], {}, { value: "token" }].map((token): [string, Behaviour] => [
      `gives ${JSON.stringify(token)} for a token`,
      json({ access_token: token, token_type: "Bearer", expires_in: 3600 }),
    ]),
    ...[null, 7, "token", [], [{ access_token: "token" }]].map((body): [string, Behaviour] => [
      `answers with ${JSON.stringify(body)}`,
      json(body),
    ]),
    [
      "hides a token under __proto__",
      {
        consume: false,
        instead: { kind: "raw", status: 200, type: "application/json", body: '{"__proto__":{"access_token":"token"}}' },
      },
    ],
  ];

  it.each(answers)("that %s gains nothing", async (_what, behaviour) => {
    evil.next(behaviour);
    const clientId = await evilClient({ token_endpoint_auth_method: "client_secret_post" });
    const back = await victim.toProvider(await addUnauthorized(world, {}, clientId));
    expect(leadsTo(await victim.callback(back))).toMatch(/\/failed\?reason=\w+$/);
    expect(evil.calls).toHaveLength(1);
    expect(evil.strays).toEqual([]);
    expect(({} as { access_token?: string }).access_token).toBeUndefined();
  });
});

describe("open redirect", () => {
  const CORPUS = [
    "https://evil.example/", "//evil.example", "///evil.example", "////evil.example/%2f..", "/\\evil.example", "\\\\evil.example",
    "\\/evil.example", "/\t/evil.example", "/\n/evil.example", "\t//evil.example", " //evil.example", "/%2f%2fevil.example",
    "%2f%2fevil.example", "/%5cevil.example", "/.//evil.example", "/..//evil.example", "/%2e%2e//evil.example",
    "javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\nscript:alert(1)", "data:text/html,x", "vbscript:x", "file:///etc/passwd",
    "http:evil.example", "https:evil.example", "https:/evil.example", "http://latchkey.test@evil.example",
    "https://latchkey.test.evil.example", "//latchkey.test@evil.example", "@evil.example", ".evil.example", ":80@evil.example",
    "/x\r\nLocation: https://evil.example", "/%0d%0aLocation:%20https://evil.example", "／／evil.example", "/／evil.example",
    "//evil。example", "https://ⓔvil.example", "//[::1]", "//2130706433", "?https://evil.example", "#//evil.example", "",
  ]; // biome-ignore format: one list
  const OURS = "http://latchkey.test";
  const named = (url: string) =>
    ["return_to", "redirect", "redirect_uri", "redirect_url", "next", "from", "callbackUrl", "url", "secret"].map(
      (name) => [name, url] as const,
    );

  it.each(CORPUS)("%j leads nowhere else, wherever it stands", async (url) => {
    const back = safePath(url);
    expect(new URL(back, OURS).origin).toBe(OURS);
    expect(back).toMatch(/^\/(?![/\\])/);
    const anybody = new Browser(null);
    for (const browser of [anybody, victim]) {
      const start = await browser.authorize(url.slice(0, 200));
      expect(new URL(start.headers.get("location") ?? "", OURS).origin).toBe(OURS);
    }
    const state = changed(new URL(`${OURS}/api/oauth/callback/x.y`), {
      ...Object.fromEntries(named(url)),
      state: url,
      code: url,
      iss: url,
    });
    const end = await victim.callback(state);
    expect(leadsTo(end)).toMatch(/^\/connect-failed\?reason=\w+$/);
    expect(new URL(end.headers.get("location") ?? "").origin).toBe(OURS);
    nobodyAsked();
  });

  it("an attempt that is refused by the provider goes to our own page whatever it says", async () => {
    for (const url of CORPUS.slice(0, 8)) {
      const back = await victim.toProvider(await addUnauthorized(world));
      const refused = changed(back, { ...Object.fromEntries(named(url)), error: "access_denied", error_uri: url });
      refused.searchParams.delete("code");
      const end = await victim.callback(refused);
      expect(new URL(end.headers.get("location") ?? "").origin).toBe(OURS);
      expect(leadsTo(end)).toMatch(/^\/workspaces\/[0-9a-f]{24}\/secrets\/[0-9a-f]{24}\/failed\?reason=access_denied$/);
    }
    nobodyAsked();
  });
});

it("the suite's own provider does give tokens to whom they belong", async () => {
  const secretId = await addUnauthorized(world);
  expect(leadsTo(await victim.callback(await victim.toProvider(secretId)))).toContain("authorized=");
  expect(world.idp.grants.grants.size).toBe(1);
  expect(await world.database.owner`select 1 from token_ledger`).toHaveLength(1);
  await world.database.owner`delete from token_ledger`;
  await world.database.owner`delete from token_state where secret_id = ${secretId}`;
  world.idp.grants.grants.clear();
});
