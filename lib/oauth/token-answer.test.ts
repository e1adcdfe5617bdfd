import { describe, expect, it } from "vitest";
import { clearJson, Sensitive } from "@/lib/crypto/sensitive";
import { failureOfAnswer, quotable, readRetryAfter } from "./failure";
import { issuedAtMs, readLifetime, readTokenSet, succeed } from "./token-set";

/** What token endpoints really send, as one shape and one verdict (REFRESH section 6, PROVIDERS, OA-10, OA-11). */

describe("a token set", () => {
  it.each([
    [3600, 3600],
    ["3600", 3600],
    [" 3600 ", 3600],
    ["3600.7", 3600],
    [0, null],
    [-1, null],
    ["-5", null],
    ["soon", null],
    ["", null],
    [null, null],
    [undefined, null],
    [Number.NaN, null],
    [Number.POSITIVE_INFINITY, null],
    [{}, null],
    [[3600], null],
    [true, null],
    [1e18, 315_360_000],
  ])("reads the lifetime %j as %j", (given, seconds) => expect(readLifetime(given)).toBe(seconds));

  it.each([null, undefined, 5, "text", [], {}, { access_token: "" }, { access_token: 5 }, { access_token: null }])(
    "is not found in %j",
    (answer) => expect(readTokenSet(answer)).toBeNull(),
  );

  it("keeps what it does not know, and nothing that could change objects", () => {
    const set = readTokenSet(
      JSON.parse('{"access_token":"a","instance_url":"u","__proto__":{"x":1},"scope":["a","b"]}'),
    );
    expect(set).toMatchObject({ refreshToken: null, tokenType: "Bearer", scope: "a b" });
    expect(set?.accessToken.reveal()).toBe("a");
    expect(set?.extra.reveal()).toEqual({ instance_url: "u" });
    expect(({} as { x?: number }).x).toBeUndefined();
  });

  it("leaves out what nests deeper than can be written again, and keeps the rest", () => {
    const nested = (levels: number) => JSON.parse(`${"[".repeat(levels)}1${"]".repeat(levels)}`);
    const set = readTokenSet({ access_token: "a", deep: nested(33), deepest: nested(5_000), flat: nested(32) });
    expect(Object.keys(set?.extra.reveal() ?? {})).toEqual(["flat"]);
  });

  it("follows on: absent keeps, new replaces", () => {
    const first = succeed(null, {
      accessToken: new Sensitive("a1"),
      refreshToken: new Sensitive("r1"),
      tokenType: "Bearer",
      expiresIn: 10,
      scope: "s",
      extra: new Sensitive<Record<string, unknown>>({ instance_url: "u" }),
    });
    const second = succeed(first, {
      accessToken: new Sensitive("a2"),
      refreshToken: null,
      tokenType: "Bearer",
      expiresIn: null,
      scope: null,
      extra: new Sensitive<Record<string, unknown>>({ more: 1 }),
    });
    expect(JSON.parse(clearJson(second) ?? "")).toMatchObject({
      access_token: "a2",
      refresh_token: "r1",
      scope: "s",
      undefined_params: { instance_url: "u", more: 1 },
    });
  });

  it("knows when it was issued: the Date header, else the token's iat", () => {
    const jwt = `x.${Buffer.from('{"iat":1700000000}').toString("base64url")}.y`;
    expect(issuedAtMs("Tue, 14 Nov 2023 22:13:21 GMT", new Sensitive(jwt))).toBe(1_700_000_001_000);
    expect(issuedAtMs(null, new Sensitive(jwt))).toBe(1_700_000_000_000);
    expect(issuedAtMs("never", new Sensitive("a.b.c"))).toBeNull();
    expect(issuedAtMs(null, new Sensitive("opaque"))).toBeNull();
  });
});

describe("a failed answer", () => {
  const judge = (status: number, body: unknown = undefined, retryAfter: string | null = null) => {
    const { kind, code, ownFault } = failureOfAnswer({ status, body, retryAfter, secrets: [] });
    return [kind, code, ownFault ?? false];
  };

  it.each([
    [400, { error: "invalid_grant" }, ["refused", "grant_refused", false]],
    [401, { error: "invalid_grant" }, ["refused", "grant_refused", false]],
    [400, { error: "INVALID_GRANT" }, ["refused", "grant_refused", false]],
    [200, { ok: false, error: "token_revoked" }, ["refused", "grant_refused", false]],
    [200, { error: { code: "invalid_refresh_token" } }, ["refused", "grant_refused", false]],
    [401, { error: "invalid_client" }, ["client", "client_rejected", false]],
    [400, { error: "unauthorized_client" }, ["client", "client_rejected", false]],
    [401, undefined, ["client", "client_rejected", false]],
    [400, { error: "invalid_scope" }, ["config", "request_rejected", true]],
    [400, { error: "unsupported_grant_type" }, ["config", "request_rejected", false]],
    [404, undefined, ["config", "request_rejected", false]],
    [405, undefined, ["config", "request_rejected", false]],
    [429, { error: "invalid_grant" }, ["throttled", "throttled", false]],
    [400, { error: "slow_down" }, ["throttled", "throttled", false]],
    [500, { error: "invalid_grant" }, ["unknown", "provider_failing", false]],
    [302, undefined, ["unknown", "provider_failing", false]],
    [200, undefined, ["unknown", "provider_failing", false]],
    [200, {}, ["unknown", "provider_failing", false]],
    [400, undefined, ["refused", "request_rejected", false]],
    [400, { error: "invalid_request" }, ["refused", "request_rejected", false]],
    [403, { error: "AccessDenied" }, ["refused", "request_rejected", false]],
  ])("%d %j is %j", (status, body, verdict) => expect(judge(status, body)).toEqual(verdict));

  it("503 with Retry-After is a request to wait, without it an unknown outcome", () => {
    expect(judge(503, undefined, "30")[0]).toBe("throttled");
    expect(judge(503)[0]).toBe("unknown");
  });

  it.each([
    ["30", 30_000],
    [" 5 ", 5_000],
    ["0", 0],
    ["99999999", 86_400_000],
    ["Thu, 01 Jan 1970 00:01:00 GMT", 60_000],
    ["Thu, 01 Jan 1970 00:00:00 GMT", 0],
    ["soon", null],
    ["-5", null],
    ["", null],
    [null, null],
  ])("Retry-After %j is %j ms", (value, ms) => expect(readRetryAfter(value, 0)).toBe(ms));
});

describe("the provider's words", () => {
  it.each([
    ["plain words stay.", "plain words stay."],
    ["secret s3cr3t-value here", "secret […] here"],
    ["two\r\nlines\u0000", "two lines"],
    ["token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc", "token […]"],
    ["   ", null],
    [5, null],
    [undefined, null],
  ])("%j are quoted as %j", (text, quoted) => expect(quotable(text, ["s3cr3t-value"])).toBe(quoted));

  it("are cut at 200 characters", () => expect(quotable("word ".repeat(100), [])).toHaveLength(200));
});
