import { createHmac, createPublicKey, generateKeyPairSync, randomBytes } from "node:crypto";
import { SignJWT, UnsecuredJWT } from "jose";
import { beforeAll, describe, expect, test } from "vitest";
import { DELETE as DELETE_ENDPOINT } from "@/app/v2/workspaces/[workspaceId]/endpoints/[endpointId]/route";
import {
  DELETE as DELETE_SECRET,
  PATCH as EDIT_SECRET,
} from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/route";
import { systemClock } from "@/lib/clock";
import { forget } from "@/lib/process";
import { basic } from "@/lib/testing/callers";
import { call } from "@/lib/testing/http";
import { useInboundWorld } from "@/lib/testing/inbound-world";

/** The guard's answers (SECURITY JW-1 to JW-7, DO-3), through the endpoint that proxies ask. */
const world = useInboundWorld();
const SHARED = "a shared secret of more than 32 bytes";
const pair = generateKeyPairSync("rsa", { modulusLength: 2048 });
const foreign = generateKeyPairSync("rsa", { modulusLength: 2048 });
const pem = pair.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
let password: string;
let key: string;
let shared: string;
let signed: string;
let all: string;

beforeAll(async () => {
  password = await world.addSecret("basic", { username: "ann", password: "the right one" });
  key = await world.addSecret("api_key", { headerName: "X-API-Key", headerValue: "k-123456" });
  shared = await world.addSecret("hs256", { secret: SHARED });
  signed = await world.addSecret("rs256", { private_key: pem });
  all = await world.addEndpoint([password, key, shared, signed]);
});

const seconds = () => Math.floor(systemClock.now() / 1000);
interface Made {
  claims?: Record<string, unknown>;
  header?: Record<string, unknown>;
  key?: Parameters<SignJWT["sign"]>[0];
}
/** A good token of the key pair but for what is given. */
const token = ({ claims, header, key: by = pair.privateKey }: Made = {}) =>
  new SignJWT({ sub: "step", exp: seconds() + 300, ...claims })
    .setProtectedHeader({ alg: "RS256", ...header } as { alg: string })
    .sign(by);
const bearer = async (made: Made = {}) => ({ authorization: `Bearer ${await token(made)}` });
const challenge = (answer: { headers: Headers }) => answer.headers.get("www-authenticate") ?? "";
const who = ({ headers }: { headers: Headers }) => ({
  secret: headers.get("x-latchkey-secret"),
  subject: headers.get("x-latchkey-subject"),
  scopes: headers.get("x-latchkey-scopes"),
});

describe("who passes", () => {
  test("by each type of secret, and what the program behind is told", async () => {
    const by = async (headers: Record<string, string>) => {
      const answer = await world.check(all, headers);
      expect([answer.status, answer.body]).toEqual([204, null]);
      expect(answer.headers.get("cache-control")).toBe("no-store");
      return who(answer);
    };
    expect(await by(basic("ann", "the right one"))).toEqual({ secret: password, subject: "ann", scopes: "" });
    expect(await by({ "x-api-key": "k-123456" })).toMatchObject({
      secret: key,
      subject: expect.stringMatching(/^Opener/),
    });
    const hs256 = await token({ key: Buffer.from(SHARED), header: { alg: "HS256" }, claims: { scope: "read write" } });
    expect(await by({ authorization: `bearer ${hs256}` })).toEqual({
      secret: shared,
      subject: "step",
      scopes: "read write",
    });
    expect(await by(await bearer({ claims: { scp: ["a", "b"] } }))).toEqual({
      secret: signed,
      subject: "step",
      scopes: "a b",
    });
  });

  test("nobody else: 401 with every way that is taken, and an error only where a token was sent", async () => {
    const ways = `Bearer realm="${all}", Basic realm="${all}", charset="UTF-8", ApiKey realm="${all}"`;
    const none = await world.check(all);
    expect([none.status, challenge(none)]).toEqual([401, ways]);
    for (const headers of [
      basic("ann", "wrong"),
      basic("bob", "the right one"),
      basic("ann", ""),
      { "x-api-key": "k-12345" },
    ]) {
      const answer = await world.check(all, headers, "192.0.2.2");
      expect([answer.status, challenge(answer), who(answer).secret]).toEqual([401, ways, null]);
    }
    const wrong = await world.check(all, await bearer({ key: foreign.privateKey }));
    expect(wrong.status).toBe(401);
    expect(challenge(wrong)).toContain(
      'error="invalid_token", error_description="The token is not signed by a secret of this endpoint."',
    );
    for (const authorization of ["Bearer", "Digest x", "Basic !!!", `Bearer ${await token()}, Basic x`, "Basic", ""]) {
      const answer = await world.check(all, { authorization });
      expect([authorization, answer.status]).toEqual([authorization, 401]);
    }
  });

  test("what is sent beside is looked at by itself: a good token passes with a wrong key, and a wrong key is counted with a wrong token", async () => {
    const beside = { "x-api-key": "somebody else's" };
    expect((await world.check(all, { ...(await bearer()), ...beside }, "192.0.2.3")).status).toBe(204);
    const wrong = { ...(await bearer({ key: foreign.privateKey })), ...beside };
    const statuses = [];
    for (let i = 0; i < 22; i++) statuses.push((await world.check(all, wrong, "192.0.2.3")).status);
    expect(new Set(statuses.slice(0, 20))).toEqual(new Set([401]));
    expect(statuses.at(-1)).toBe(429);
  });

  test("every method a proxy may ask with answers alike", async () => {
    const routes = await import("@/app/inbound/[endpointId]/check/route");
    for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE"] as const)
      for (const [headers, status] of [
        [basic("ann", "the right one"), 204],
        [{}, 401],
      ] as const) {
        const answer = await call(routes[method], {
          method,
          params: { endpointId: all },
          headers: { accept: "text/html", ...headers },
          url: "/x?anything=1",
        });
        expect([method, answer.status]).toEqual([method, status]);
      }
  });
});

describe("tokens", () => {
  let address = 0;
  /** Each from an address of its own: forged ones are counted. */
  const refused = async (id: string, headers: Record<string, string>) => {
    const answer = await world.check(id, headers, `198.18.0.${++address}`);
    return [answer.status, /error_description="([^"]*)"/.exec(challenge(answer))?.[1]];
  };
  const NOT_OURS = "The token is not signed by a secret of this endpoint.";

  test("are refused when forged, whatever their header says", async () => {
    const publicKey = createPublicKey(pair.privateKey);
    const forged = (alg: string, secret: string | Buffer) => {
      const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
      const input = `${part({ alg, typ: "JWT" })}.${part({ sub: "step", exp: seconds() + 300 })}`;
      return `${input}.${createHmac("sha256", secret).update(input).digest("base64url")}`;
    };
    const unsigned = new UnsecuredJWT({ sub: "step", exp: seconds() + 300 }).encode();
    const cases: [string, string][] = [
      ["none", unsigned],
      ["None", unsigned.replace(/^[^.]+/, Buffer.from('{"alg":"None"}').toString("base64url"))],
      // The public key, in each form, as the secret of an HMAC (CVE-2023-48223).
      ["HS256 with SPKI", forged("HS256", publicKey.export({ type: "spki", format: "pem" }))],
      ["HS256 with PKCS#1", forged("HS256", publicKey.export({ type: "pkcs1", format: "pem" }))],
      ["HS256 with DER", forged("HS256", publicKey.export({ type: "spki", format: "der" }))],
      ["HS256 with JWK", forged("HS256", JSON.stringify(publicKey.export({ format: "jwk" })))],
      ["RS256 with an HMAC", forged("RS256", SHARED)],
      ["RS512", await token({ header: { alg: "RS512" } })],
      ["HS512", await token({ key: randomBytes(64), header: { alg: "HS512" } })],
      ["another's key", await token({ key: foreign.privateKey })],
      ["its jku", await token({ key: foreign.privateKey, header: { jku: "https://192.0.2.9/keys" } })],
      [
        "its jwk",
        await token({ key: foreign.privateKey, header: { jwk: foreign.publicKey.export({ format: "jwk" }) } }),
      ],
      ["kid with a path", await token({ key: foreign.privateKey, header: { kid: "../../../../dev/null" } })],
      ["kid with SQL", await token({ key: foreign.privateKey, header: { kid: "x' union select 'key" } })],
      ["kid of nobody, signed well", await token({ header: { kid: "../keys" } })],
    ];
    for (const [what, text] of cases)
      expect([what, ...(await refused(all, { authorization: `Bearer ${text}` }))]).toEqual([what, 401, NOT_OURS]);
    const crit = await token({ header: { crit: ["b64"], b64: true } });
    expect(await refused(all, { authorization: `Bearer ${crit}` })).toEqual([
      401,
      "The token asks for extensions (crit) that are not known here.",
    ]);
    for (const text of ["a.b.c", "a.b", "a.b.c.d.e", "..", `${await token()}x`])
      expect((await refused(all, { authorization: `Bearer ${text}` }))[0], text).toBe(401);
  });

  test("are judged by time, with half a minute for clocks that differ", async () => {
    for (const [claims, why] of [
      [{ exp: seconds() - 31 }, "The token has expired."],
      [{ exp: undefined }, "The token does not say when it expires (exp)."],
      [{ exp: "2099" }, "The token does not say when it expires (exp)."],
      [{ nbf: seconds() + 40 }, "The token is not valid yet (nbf)."],
    ] as const)
      expect([claims, ...(await refused(all, await bearer({ claims })))]).toEqual([claims, 401, why]);
    for (const claims of [{ exp: seconds() - 20 }, { nbf: seconds() + 20 }])
      expect((await world.check(all, await bearer({ claims }))).status).toBe(204);
    const headers = await bearer({ claims: { exp: seconds() + 60 } });
    expect((await world.check(all, headers)).status).toBe(204);
    world.leap(120_000);
    expect(await refused(all, headers)).toEqual([401, "The token has expired."]);
  });

  test("must be for this endpoint: issuer and audience as it says, or as the secret says", async () => {
    const own = await world.addSecret("rs256", { private_key: pem, issuer: "us", audience: "them" });
    const bySecret = await world.addEndpoint([own]);
    const byItself = await world.addEndpoint([own], { issuer: "elsewhere", audience: "orders" });
    const good = await bearer({ claims: { iss: "us", aud: "them" } });
    expect((await world.check(bySecret, good)).status).toBe(204);
    expect(await refused(byItself, good)).toEqual([401, "The token is of another issuer (iss)."]);
    const other = { iss: "elsewhere", aud: ["x", "orders"] };
    expect((await world.check(byItself, await bearer({ claims: other }))).status).toBe(204);
    for (const aud of ["order", "orders ", "orders,x", ["order", "s"], undefined])
      expect(await refused(byItself, await bearer({ claims: { ...other, aud } }))).toEqual([
        401,
        "The token is for another audience (aud).",
      ]);
  });

  test("must have each scope as a whole word: else 403 that says which", async () => {
    const id = await world.addEndpoint([signed, password], { scopes: ["orders:read", "orders"] });
    for (const scope of [
      "orders:read",
      "orders:readonly orders",
      "orders:read,orders",
      "xorders:read orders",
      "",
      undefined,
      5,
      { orders: 1 },
    ]) {
      const answer = await world.check(id, await bearer({ claims: { scope } }));
      expect([scope, answer.status]).toEqual([scope, 403]);
      expect(challenge(answer)).toMatch(
        /error="insufficient_scope", error_description="The token does not have the scope [^"]+", scope="orders:read orders", Basic/,
      );
      expect(who(answer).secret).toBeNull();
    }
    expect((await world.check(id, await bearer({ claims: { scope: "x orders orders:read" } }))).status).toBe(204);
    // Scopes are for tokens; a password has none.
    expect((await world.check(id, basic("ann", "the right one"))).status).toBe(204);
  });

  test("tell who it is in headers that no text can break out of", async () => {
    const sub = "é\r\nX-Admin: 1%00\u2028 ";
    const answer = await world.check(all, await bearer({ claims: { sub, scope: "a b\r\nx:1 c\u0000 d" } }));
    expect(answer.status).toBe(204);
    expect(who(answer)).toMatchObject({ subject: "%C3%A9%0D%0AX-Admin: 1%2500%E2%80%A8%20", scopes: "a d" });
    expect(decodeURIComponent(who(answer).subject ?? "")).toBe(sub);
    expect(answer.headers.get("x-admin")).toBeNull();
    const long = await world.check(all, await bearer({ claims: { sub: "x".repeat(501) } }));
    expect([long.status, who(long).subject]).toEqual([401, null]);
    for (const claims of [{ sub: "" }, { sub: 5 }, { sub: undefined }])
      expect(who(await world.check(all, await bearer({ claims }))).subject).toBe("");
    const many = await world.check(
      all,
      await bearer({ claims: { scope: Array.from({ length: 900 }, (_, i) => `scope${i}`).join(" ") } }),
    );
    expect(who(many).scopes?.length).toBeLessThanOrEqual(2_000);
    expect(who(many).scopes).toMatch(/^scope0 .* scope\d+$/);
  });
});

describe("fails closed", () => {
  test("without a secret, with a deleted one, with one that cannot be read", async () => {
    const nobody = await world.addEndpoint([]);
    const closed = await world.check(nobody, basic("ann", "the right one"));
    expect([closed.status, closed.body.errors[0].code]).toEqual([403, "forbidden"]);

    const gone = await world.addSecret("basic", { username: "x", password: "y" });
    const half = await world.addEndpoint([gone, password]);
    const only = await world.addEndpoint([gone]);
    expect((await world.check(only, basic("x", "y"))).status).toBe(204);
    await call(DELETE_SECRET, {
      method: "DELETE",
      as: world.owner.basic,
      params: { workspaceId: world.place.workspaceId, secretId: gone },
    });
    world.aSecondLater();
    expect((await world.check(only, basic("x", "y"))).status).toBe(403);
    expect((await world.check(half, basic("x", "y"))).status).toBe(401);
    expect((await world.check(half, basic("ann", "the right one"))).status).toBe(204);

    for (const type of ["basic", "hs256"]) {
      const damaged = await world.addSecret(
        type,
        type === "basic" ? { username: "x", password: "y" } : { secret: `${SHARED} 2` },
      );
      const id = await world.addEndpoint([damaged, password]);
      await world.database.owner`update secrets set sealed = '\\x00' where id = ${damaged}`;
      expect((await world.check(id, basic("ann", "the right one"))).status).toBe(204);
      // Nobody can say whether these were its own.
      const sent = type === "basic" ? basic("x", "z") : await bearer();
      expect([type, (await world.check(id, sent)).status]).toEqual([type, 503]);
    }
  });

  test("an endpoint that is not there", async () => {
    for (const id of ["x", "0".repeat(24), "../all", "'; drop table endpoints; --"])
      expect((await world.check(id, basic("ann", "the right one"))).status).toBe(404);
  });

  test("what opens it changes: known to every process within a second", async () => {
    const secret = await world.addSecret("basic", { username: "x", password: "one" });
    const id = await world.addEndpoint([secret]);
    const passes = async (word: string) => (await world.check(id, basic("x", word))).status;
    expect([await passes("one"), await passes("two")]).toEqual([204, 401]);
    await call(EDIT_SECRET, {
      method: "PATCH",
      as: world.owner.basic,
      params: { workspaceId: world.place.workspaceId, secretId: secret },
      json: { data: { type: "auth-secret", attributes: { credentials: { username: "x", password: "two" } } } },
    });
    world.aSecondLater();
    expect([await passes("one"), await passes("two")]).toEqual([401, 204]);
    expect((await world.edit(id, {}, [key])).status).toBe(200);
    world.aSecondLater();
    expect(await passes("two")).toBe(401);
    expect((await world.edit(id, { open_access: true })).status).toBe(200);
    world.aSecondLater();
    const open = await world.check(id);
    expect([open.status, who(open)]).toEqual([204, { secret: "", subject: "", scopes: "" }]);
    expect((await world.edit(id, { open_access: false })).status).toBe(200);
    world.aSecondLater();
    expect((await world.check(id)).status).toBe(401);
    await call(DELETE_ENDPOINT, {
      method: "DELETE",
      as: world.owner.basic,
      params: { workspaceId: world.place.workspaceId, endpointId: id },
    });
    world.aSecondLater();
    expect((await world.check(id, { "x-api-key": "k-123456" })).status).toBe(404);
  });

  test("no database: what was read stays good for its second, then nobody passes, until it is back", async () => {
    const right = basic("ann", "the right one");
    expect((await world.check(all, right)).status).toBe(204);
    await world.database.owner`alter table endpoints rename to gone_endpoints`;
    world.aSecondLater();
    const answer = await world.check(all, right);
    expect([answer.status, answer.body.errors[0].code]).toEqual([503, "unavailable"]);
    await world.database.owner`alter table gone_endpoints rename to endpoints`;
    expect((await world.check(all, right)).status).toBe(204);
  });

  test("no audit: nobody new passes, openly or by a secret", async () => {
    const id = await world.addEndpoint([password]);
    const open = await world.addEndpoint([], { open_access: true });
    await world.database.owner`alter table audit_entries rename to gone_entries`;
    for (const [asked, headers] of [
      [id, basic("ann", "the right one")],
      [open, {}],
      [id, {}],
    ] as const) {
      const answer = await world.check(asked, headers);
      expect([answer.status, answer.body.errors[0].code]).toEqual([503, "audit_unavailable"]);
    }
    await world.database.owner`alter table gone_entries rename to audit_entries`;
    expect((await world.check(id, basic("ann", "the right one"))).status).toBe(204);
  });
});

describe("guessing", () => {
  test("is slowed by address, in every process, and what is right is not compared while it lasts", async () => {
    const id = await world.addEndpoint([password]);
    const right = basic("ann", "the right one");
    const guess = (n: number, from = "198.51.100.7") => world.check(id, basic("ann", `guess ${n}`), from);
    for (let i = 0; i < 21; i++) expect((await guess(i)).status).toBe(401);
    const blocked = await guess(22);
    expect([blocked.status, Number(blocked.headers.get("retry-after")) > 0]).toEqual([429, true]);
    expect((await world.check(id, right, "198.51.100.7")).status).toBe(429);
    // Others, another endpoint and this one later are not concerned.
    expect((await world.check(id, right, "198.51.100.8")).status).toBe(204);
    expect((await world.check(all, right, "198.51.100.7")).status).toBe(204);
    // Another process has not seen them, and is told by the first that is wrong there.
    forget("inbound-guessers");
    expect((await guess(23)).status).toBe(429);
    world.leap(120_000);
    expect((await world.check(id, right, "198.51.100.7")).status).toBe(204);
  });

  test("many at once are not all compared", async () => {
    const id = await world.addEndpoint([password]);
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, i) => world.check(id, basic("ann", `${i}`), "198.51.100.9")),
    );
    expect(answers.filter(({ status }) => status === 401).length).toBeLessThanOrEqual(21);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401, 429]));
  });

  test("tokens that nobody here signed are counted too, by themselves, and what is right passes all the same", async () => {
    const from = "198.51.100.20";
    const forged = await bearer({ key: foreign.privateKey });
    const ask = async (headers: Record<string, string>, id = all) => (await world.check(id, headers, from)).status;
    for (let i = 0; i < 21; i++) expect(await ask(forged)).toBe(401);
    for (const text of ["x.y.z", "x", (forged.authorization ?? "").slice("Bearer ".length)]) {
      const answer = await world.check(all, { authorization: `Bearer ${text}` }, from);
      expect([answer.status, Number(answer.headers.get("retry-after")) > 0]).toEqual([429, true]);
    }
    // A signature cannot be guessed, so a right one is looked at; and passwords are counted apart.
    expect(await ask(await bearer())).toBe(204);
    expect(await ask(basic("ann", "the right one"))).toBe(204);
    expect(await ask(basic("ann", "wrong"))).toBe(401);
    expect((await world.check(all, forged, "198.51.100.21")).status).toBe(401);
    // Other processes know.
    forget("inbound-guessers");
    expect(await ask(forged)).toBe(429);
    world.leap(120_000);
    expect(await ask(forged)).toBe(401);
  });

  test("a token that was signed here is no attack: it is refused as often as it comes, and not counted", async () => {
    const from = "198.51.100.22";
    const id = await world.addEndpoint([shared, signed], { audience: "orders", scopes: ["write"] });
    const counters = async () => (await world.database.owner`select 1 from sign_in_failures`).length;
    const before = await counters();
    for (const claims of [
      { aud: "orders", scope: "write", exp: seconds() - 3_600 },
      { aud: "others", scope: "write" },
      { aud: "orders", scope: "read" },
      { aud: "orders", scope: "write", nbf: seconds() + 3_600 },
    ]) {
      const headers = await bearer({ claims });
      const statuses = new Set<number>();
      for (let i = 0; i < 25; i++) statuses.add((await world.check(id, headers, from)).status);
      expect([claims, ...statuses]).toEqual([claims, claims.scope === "read" ? 403 : 401]);
    }
    expect(await counters()).toBe(before);
  });
});
