import { encode } from "next-auth/jwt";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { RequestFacts } from "@/lib/access/caller";
import { answerAuth } from "@/lib/accounts/auth-handler";
import { forgetCallers } from "@/lib/accounts/caller-cache";
import { emailKey } from "@/lib/accounts/email-key";
import { provePassword, sourceOf } from "@/lib/accounts/prove-password";
import { callerForSession, IDLE_MS, sessionCookieName, sessionSecret } from "@/lib/accounts/session-token";
import { pruneAccounts } from "@/lib/accounts/sign-in";
import { charge, POLICIES } from "@/lib/accounts/throttle";
import { PEER_HEADER } from "@/lib/http/client-address";
import { makePerson, makePlace, makeSession, OWNER, type Person } from "@/lib/testing/callers";
import { TEST_URL, useDatabase } from "@/lib/testing/database";

const database = useDatabase();
const FACTS: RequestFacts = { requestId: "r", ip: null, userAgent: null, purpose: null };
const PASSWORD = "correct horse battery";
let person: Person;

beforeEach(async () => {
  process.env.NEXTAUTH_URL = TEST_URL;
  await database.owner`delete from sign_in_failures`;
  await database.owner`delete from audit_entries`;
  person ??= await makePerson(await makePlace(), OWNER, { password: PASSWORD });
});
afterEach(() => vi.useRealTimers());

/** A browser: keeps cookies, sends Origin. */
function browser(ip = "192.0.2.7") {
  const cookies = new Map<string, string>();
  const send = async (
    method: string,
    path: string,
    form?: Record<string, string>,
    headers: Record<string, string> = {},
  ) => {
    const request = new Request(`http://127.0.0.1:3000/api/auth/${path}`, {
      method,
      headers: {
        cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join("; "),
        [PEER_HEADER]: ip,
        ...(form ? { "content-type": "application/x-www-form-urlencoded", origin: TEST_URL } : {}),
        ...headers,
      },
      body: form && new URLSearchParams(form),
    });
    const response = await answerAuth(request, path.split("/"));
    for (const line of response.headers.getSetCookie()) {
      const [pair = ""] = line.split(";");
      const at = pair.indexOf("=");
      if (/max-age=0/i.test(line) || pair.length === at + 1) cookies.delete(pair.slice(0, at));
      else cookies.set(pair.slice(0, at), pair.slice(at + 1));
    }
    return { status: response.status, headers: response.headers, body: await response.json().catch(() => null) };
  };
  const csrf = async () => (await send("GET", "csrf")).body.csrfToken as string;
  return {
    cookies,
    send,
    async signIn(email: string, password: string, headers: Record<string, string> = {}) {
      const answer = await send(
        "POST",
        "callback/credentials",
        { csrfToken: await csrf(), email, password, json: "true" },
        headers,
      );
      return { ...answer, error: answer.body?.url ? new URL(answer.body.url).searchParams.get("error") : null };
    },
    async signOut() {
      return send("POST", "signout", { csrfToken: await csrf(), json: "true" });
    },
    session: () => cookies.get(sessionCookieName()) ?? "",
    caller: () => {
      const cookie = cookies.get(sessionCookieName());
      return cookie ? callerForSession(cookie, FACTS) : Promise.resolve(null);
    },
  };
}

const audited = async (action: string) =>
  (await database.owner`select actor_id, detail from audit_entries where action = ${action}`).length;

describe("signing in", () => {
  test("gives a session that our row decides; the cookie is for this site only", async () => {
    const chrome = browser();
    const answer = await chrome.signIn(` ${person.email.toUpperCase()}`, PASSWORD);
    expect(answer.status).toBe(200);
    expect(answer.body.url).toMatch(new RegExp(`^${TEST_URL}`));
    const line = answer.headers.getSetCookie().find((cookie) => cookie.startsWith(sessionCookieName()));
    expect(line).toMatch(/HttpOnly/i);
    expect(line).toMatch(/SameSite=Lax/i);
    expect(line).toMatch(/Path=\//i);
    expect(await chrome.caller()).toMatchObject({ id: person.id, via: "session", kind: "user" });
    expect(await audited("sign_in")).toBe(1);
    expect((await chrome.send("GET", "session")).body.user.email).toBe(person.email);
    await database.owner`delete from sessions`;
    forgetCallers();
    expect(await chrome.caller()).toBeNull();
    expect((await chrome.send("GET", "session")).body).toEqual({});
  });

  test("again gives a new session and ends the old one", async () => {
    const chrome = browser();
    await chrome.signIn(person.email, PASSWORD);
    const old = chrome.session();
    await chrome.signIn(person.email, PASSWORD);
    expect(chrome.session()).not.toBe(old);
    expect(await callerForSession(old, FACTS)).toBeNull();
    expect(await chrome.caller()).not.toBeNull();
  });

  test("a session id brought along is never taken over", async () => {
    const chrome = browser();
    const planted = await encode({ token: { sid: "planted" }, secret: sessionSecret() });
    chrome.cookies.set(sessionCookieName(), planted);
    await chrome.signIn(person.email, PASSWORD);
    expect(await callerForSession(planted, FACTS)).toBeNull();
    expect(await chrome.caller()).not.toBeNull();
  });

  test("signing out kills the session on the server", async () => {
    const chrome = browser();
    await chrome.signIn(person.email, PASSWORD);
    const cookie = chrome.session();
    expect((await chrome.signOut()).status).toBe(200);
    expect(await callerForSession(cookie, FACTS)).toBeNull();
    expect(await audited("sign_out")).toBe(1);
  });

  test("a wrong password, an unknown e-mail, NUL: one answer, recorded without what was typed", async () => {
    const answers = [];
    for (const [email, password] of [
      [person.email, "wrong password"],
      ["nobody@example.com", PASSWORD],
    ] as const) {
      const { status, error, body } = await browser().signIn(email, password);
      answers.push({ status, error, url: body.url });
    }
    expect(answers[0]).toMatchObject({ status: 401, error: "CredentialsSignin" });
    expect(answers[1]).toEqual(answers[0]);
    expect((await browser().signIn(`${person.email}\0`, PASSWORD)).error).toBe("CredentialsSignin");
    const rows = await database.owner`select detail::text as detail from audit_entries where action = 'sign_in_failed'`;
    expect(rows).toHaveLength(2);
    for (const row of rows) expect(row.detail).not.toMatch(/example|wrong password|horse/);
  });

  test.each([
    ["no Origin", {}, true],
    ["null", { origin: "null" }, false],
    ["another", { origin: "https://evil.example" }, false],
    ["another port", { origin: `${TEST_URL}:8080` }, false],
  ])("Origin %s is refused", async (_what, headers, without) => {
    const chrome = browser();
    const request = new Request("http://127.0.0.1/api/auth/callback/credentials", {
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded", ...(without ? {} : headers) },
      body: new URLSearchParams({ email: person.email, password: PASSWORD }),
    });
    expect((await answerAuth(request, ["callback", "credentials"])).status).toBe(403);
    expect(await chrome.caller()).toBeNull();
  });

  test("leads to pages of this site only, whatever was asked for", async () => {
    const elsewhere = [
      "https://evil.example",
      "//evil.example",
      "/\\evil.example",
      `${TEST_URL}.evil.example`,
      "http://[",
    ];
    for (const callbackUrl of elsewhere) {
      const chrome = browser();
      const { body: token } = await chrome.send("GET", "csrf");
      const form = { csrfToken: token.csrfToken, email: person.email, password: PASSWORD, json: "true", callbackUrl };
      const { status, body } = await chrome.send("POST", "callback/credentials", form);
      expect([status, new URL(body.url).origin], callbackUrl).toEqual([200, TEST_URL]);
    }
  });

  test("without the CSRF token there is no session; unknown actions do not exist", async () => {
    const chrome = browser();
    await chrome.send("POST", "callback/credentials", { email: person.email, password: PASSWORD, json: "true" });
    expect(chrome.session()).toBe("");
    expect((await chrome.send("POST", "_log", { level: "error" })).status).toBe(404);
    expect((await chrome.send("POST", "session", {})).status).toBe(404);
  });
});

describe("sessions end", () => {
  const cookieOf = (headers: Record<string, string>) => headers.cookie?.split("=").slice(1).join("=") as string;

  test("after 30 minutes idle, cached or not", async () => {
    const cookie = cookieOf(await makeSession(person.id));
    const start = Date.now();
    vi.useFakeTimers({ toFake: ["Date"], now: start });
    expect(await callerForSession(cookie, FACTS)).not.toBeNull();
    vi.setSystemTime(start + IDLE_MS - 1_000);
    expect(await callerForSession(cookie, FACTS)).not.toBeNull();
    vi.setSystemTime(start + 2 * IDLE_MS - 2_000);
    expect(await callerForSession(cookie, FACTS)).not.toBeNull();
    vi.setSystemTime(start + 3 * IDLE_MS);
    expect(await callerForSession(cookie, FACTS)).toBeNull();
    forgetCallers();
    expect(await callerForSession(cookie, FACTS)).toBeNull();
  });

  test("after 12 hours whatever happened", async () => {
    const cookie = cookieOf(await makeSession(person.id, new Date(Date.now() - 12 * 3_600_000 + 2_000)));
    expect(await callerForSession(cookie, FACTS)).not.toBeNull();
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 2_500 });
    expect(await callerForSession(cookie, FACTS)).toBeNull();
  });

  test("cookies of another instance, rubbish and long text are nobody", async () => {
    const foreign = await encode({ token: { sid: "x" }, secret: "another instance's secret" });
    for (const cookie of [foreign, "rubbish", "", "x".repeat(100_000)])
      expect(await callerForSession(cookie, FACTS)).toBeNull();
  });
});

test("what can never be used again is removed, what still counts is kept", async () => {
  await database.owner`delete from sessions`;
  await makeSession(person.id);
  await provePassword({ email: "x@example.com", password: "x", ip: "192.0.2.9", device: null });
  expect(await pruneAccounts()).toBe(0);
  expect(await pruneAccounts(Date.now() + 2 * 86_400_000)).toBe(4);
});

describe("guesses", () => {
  // Hashing takes as long as the machine likes; the delays between guesses must not run out meanwhile.
  beforeEach(() => vi.useFakeTimers({ toFake: ["Date"] }));

  const prove = (email: string, password: string, ip: string, device: string | null = null) =>
    provePassword({ email, password, ip, device });

  test("variants of one address are one account, slowed more and more; a device that signed in before is not locked out", async () => {
    expect(await prove(person.email, PASSWORD, "198.51.100.1", "d".repeat(32))).not.toBeNull();
    const variants = [
      person.email,
      person.email.toUpperCase(),
      ` ${person.email}`,
      `${person.email}\u200b`,
      person.email.replace("p", "\uff50"),
    ];
    for (const [i, email] of variants.entries()) expect(await prove(email, "wrong guess", `203.0.113.${i}`)).toBeNull();
    expect(await prove(person.email, "wrong guess", "203.0.113.50")).toBeNull();
    await expect(prove(person.email, PASSWORD, "203.0.113.51")).rejects.toMatchObject({
      code: "throttled",
      retryAfterS: 1,
    });
    expect(await prove(person.email, PASSWORD, "203.0.113.52", "d".repeat(32))).not.toBeNull();
    expect(await prove(person.email, PASSWORD, "198.51.100.1")).not.toBeNull();
  });

  test("an unknown account is slowed alike, so that nobody learns who has one", async () => {
    for (let i = 0; i < 6; i += 1) expect(await prove("ghost@example.com", "x", `203.0.113.${100 + i}`)).toBeNull();
    await expect(prove("ghost@example.com", "x", "203.0.113.120")).rejects.toMatchObject({ code: "throttled" });
  });

  test("tries at the same moment are all counted before any is made", async () => {
    const results = await Promise.allSettled(
      Array.from({ length: 12 }, (_, i) => prove("crowd@example.com", "x", `203.0.113.${150 + i}`)),
    );
    expect(results.filter((result) => result.status === "fulfilled").length).toBeLessThanOrEqual(6);
  });

  test("the delay doubles, ends at its most, and time forgives", () => {
    let counter = { failures: 0, lastAtMs: 0, blockedUntilMs: null as number | null };
    const delays = [];
    for (let i = 0; i < 40; i += 1) {
      counter = charge(counter, POLICIES.account, 0);
      delays.push(counter.blockedUntilMs ?? 0);
    }
    expect(delays.slice(0, 9)).toEqual([0, 0, 0, 0, 0, 1000, 2000, 4000, 8000]);
    expect(Math.max(...delays)).toBe(POLICIES.account.maxMs);
    expect(charge(counter, POLICIES.account, 40 * POLICIES.account.leakMs)).toMatchObject({
      failures: 1,
      blockedUntilMs: null,
    });
  });

  test("a source is one address, or one IPv6 network", () => {
    expect(sourceOf("2001:db8:1:2::1")).toBe(sourceOf("2001:db8:1:2:ffff::9"));
    expect(sourceOf("2001:db8:1:2::1")).not.toBe(sourceOf("2001:db8:1:3::1"));
    expect(sourceOf("::ffff:192.0.2.1")).toBe("192.0.2.1");
    expect(sourceOf(null)).toBe("unknown");
    expect(emailKey(" P\u200bat@Example.COM ")).toBe("pat@example.com");
  });
});
