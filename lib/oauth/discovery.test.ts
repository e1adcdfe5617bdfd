import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { rooms } from "@/lib/egress/rooms";
import { Egress } from "@/lib/egress/safe-fetch";
import { AppError } from "@/lib/errors";
import { discover, metadataAddresses } from "@/lib/oauth/discovery";

/** What the provider answers, by path; a string is sent as it is. */
let pages: Record<string, unknown> = {};
let asked: string[] = [];
let server: Server;
let origin = "";
let egress: Egress;

beforeAll(async () => {
  server = createServer((request, response) => {
    asked.push(request.url ?? "");
    const page = pages[request.url ?? ""];
    if (page === "silence") return;
    response.statusCode = page === undefined ? 404 : 200;
    response.end(typeof page === "string" ? page : JSON.stringify(page ?? {}));
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  egress = new Egress({ allow: ["127.0.0.1"] });
});
afterAll(async () => {
  await egress.close();
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
});
beforeEach(() => {
  pages = {};
  asked = [];
});

const OAUTH = "/.well-known/oauth-authorization-server";
const OPENID = "/.well-known/openid-configuration";
const metadata = (issuer: string, more: Record<string, unknown> = {}) => ({
  issuer,
  authorization_endpoint: `${origin}/a`,
  token_endpoint: `${origin}/t`,
  ...more,
});
const ask = (issuer: string) => discover(issuer, { egress, timeoutMs: 2000 });

async function complaint(issuer: string): Promise<string> {
  const error = await ask(issuer).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(AppError);
  expect(error).toMatchObject({ status: 400, source: { pointer: "/issuer" } });
  return (error as AppError).message;
}

test("the suffix goes before the path for OAuth, behind it for OpenID", () => {
  expect(metadataAddresses("https://login.example.com/tenant/v2.0")).toEqual([
    `https://login.example.com${OAUTH}/tenant/v2.0`,
    `https://login.example.com/tenant/v2.0${OPENID}`,
  ]);
  expect(metadataAddresses("https://login.example.com/")).toEqual([
    `https://login.example.com${OAUTH}`,
    `https://login.example.com${OPENID}`,
  ]);
});

test("an issuer that so many wait for is not asked by one more (SS-9)", async () => {
  pages = { [OPENID]: metadata(origin) };
  const held: (() => void)[] = [];
  for (let leave = rooms().enter(origin, "somebody"); leave; leave = rooms().enter(origin, "somebody"))
    held.push(leave);
  const asking = discover(origin, { egress, holder: "somebody" });
  await expect(asking).rejects.toMatchObject({ code: "provider_fault", status: 424, retryAfterS: 5 });
  expect(asked).toEqual([]);
  expect((await discover(origin, { egress, holder: "another" })).issuer).toBe(origin);
  for (const leave of held) leave();
  expect((await discover(origin, { egress, holder: "somebody" })).issuer).toBe(origin);
});

test("either document will do", async () => {
  for (const path of [OAUTH, OPENID]) {
    pages = {
      [path]: metadata(origin, {
        token_endpoint_auth_methods_supported: ["client_secret_post"],
        authorization_response_iss_parameter_supported: true,
        revocation_endpoint: `${origin}/r`,
      }),
    };
    expect(await ask(origin)).toEqual({
      issuer: origin,
      authUri: `${origin}/a`,
      tokenUri: `${origin}/t`,
      revocationUri: `${origin}/r`,
      tokenEndpointAuthMethods: ["client_secret_post"],
      codeChallengeMethods: null,
      scopesSupported: null,
      issParameter: true,
    });
  }
  expect(new Set(asked)).toEqual(new Set([OAUTH, OPENID]));
});

test("the issuer is compared as a plain string; a slash too many or too few is named", async () => {
  pages = { [OPENID]: metadata(`${origin}/`) };
  expect(await complaint(origin)).toContain("with the slash at the end");
  pages = { [OPENID]: metadata(origin) };
  expect(await complaint(`${origin}/`)).toContain("without the slash");
  pages = { [OPENID]: metadata("https://somebody-else.example.com") };
  expect(await complaint(origin)).toContain("https://somebody-else.example.com");
  pages = { [OPENID]: metadata('https://x"><script>') };
  expect(await complaint(origin)).not.toContain("script");
  pages = { [OPENID]: metadata(origin.toUpperCase()) };
  expect(await complaint(origin)).toContain("another issuer");
});

test("a document of another issuer does not hide the right one", async () => {
  pages = { [OAUTH]: metadata("https://somebody-else.example.com"), [OPENID]: metadata(origin) };
  expect((await ask(origin)).issuer).toBe(origin);
});

test("wrong types, bad addresses and oversized answers are refused", async () => {
  for (const more of [
    { token_endpoint: 7 },
    { token_endpoint: "ftp://x.example.com" },
    { token_endpoint: "http://169.254.169.254/latest" },
    { authorization_endpoint: "https://10.0.0.1/a" },
    { authorization_endpoint: `${"https://x.example.com/a#f"}` },
    { scopes_supported: "openid" },
    { scopes_supported: [1] },
    { authorization_response_iss_parameter_supported: "true" },
  ]) {
    pages = { [OPENID]: metadata(origin, more) };
    expect(await complaint(origin)).toContain(Object.keys(more)[0]);
  }
  for (const page of ["not json", '"text"', "[]", "null"]) {
    pages = { [OPENID]: page };
    expect(await complaint(origin)).toContain("JSON");
  }
  pages = { [OPENID]: metadata(origin, { padding: "x".repeat(300 * 1024) }) };
  expect(await complaint(origin)).toContain("larger than allowed");
  pages = { [OPENID]: { ...metadata(origin), issuer: undefined } };
  expect(await complaint(origin)).toContain("issuer is missing");
});

test("nothing there, and nobody who answers", async () => {
  expect(await complaint(origin)).toContain("publishes no metadata");
  pages = { [OAUTH]: "silence", [OPENID]: "silence" };
  expect(await complaint(origin)).toContain("in time");
});

test("a redirect is not followed", async () => {
  const target = createServer((_request, response) => response.end(JSON.stringify(metadata(origin))));
  await new Promise<void>((ready) => target.listen(0, "127.0.0.1", ready));
  const moved = createServer((_request, response) => {
    response.writeHead(302, { location: `http://127.0.0.1:${(target.address() as AddressInfo).port}/` }).end();
  });
  await new Promise<void>((ready) => moved.listen(0, "127.0.0.1", ready));
  expect(await complaint(`http://127.0.0.1:${(moved.address() as AddressInfo).port}`)).toContain("no metadata");
  for (const one of [target, moved]) one.close();
});

test("what is not allow-listed reads like what is not there, and is never connected to", async () => {
  const strict = new Egress();
  await expect(discover(origin, { egress: strict })).rejects.toMatchObject({ status: 400 });
  await expect(discover("http://localhost:1", { egress: strict })).rejects.toMatchObject({
    status: 400,
    message: expect.stringContaining("could not be reached"),
  });
  expect(asked).toEqual([]);
  await strict.close();
});

test("an issuer with a query, a fragment or a user is no issuer", async () => {
  for (const tail of ["?x=1", "?", "#x"]) expect(await complaint(`${origin}${tail}`)).toContain("RFC 8414");
  expect(await complaint("https://a:b@example.com")).toContain("user name");
  expect(await complaint("nonsense")).toContain("URL");
});
