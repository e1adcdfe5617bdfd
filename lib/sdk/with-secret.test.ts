import { beforeAll, beforeEach, expect, test } from "vitest";
import { useApiServer } from "@/lib/testing/api-server";
import { type OAuthWorld, useOAuthWorld } from "@/lib/testing/oauth-world";
import { type Latchkey, LatchkeyError, latchkey, withSecret } from "./index";

/** HOUSE walk step 18 over real sockets: our API, a provider, and an API of that provider which says what it takes. */
const world: OAuthWorld = useOAuthWorld();
const server = useApiServer();
let secrets: Latchkey["secrets"];
let asked: string[];

beforeAll(() => {
  const { username, key } = world.task;
  secrets = latchkey({ baseUrl: server.url, auth: { username, apiKey: key } }).secrets;
});
beforeEach(() => {
  asked = [];
});

const use = (secretId: string) => ({ workspaceId: world.place.workspaceId, secretId, minimumValidity: 0 });

/** A request to the provider's API, which answers 200 to a token it takes and 401 to any other. */
const send = (accessToken: string) => {
  asked.push(accessToken);
  return fetch(`${world.idp.url}/api`, { headers: { authorization: `Bearer ${accessToken}` } });
};

const refusedEvents = async (secretId: string) => {
  const rows = await world.database.owner`
    select event from secret_events where secret_id = ${secretId} and event in ('refused', 'refreshed')`;
  return rows.map((row) => row.event).sort();
};

test("a token that is taken is asked for once, and nothing is reported", async () => {
  const secret = await world.addSecret({ kind: "grace", expiresIn: 3600 });
  const answer = await withSecret(secrets, use(secret.id), send);
  expect(answer.status).toBe(200);
  expect(asked).toEqual([secret.accessToken]);
  expect(world.idp.calls).toHaveLength(0);
  expect(await refusedEvents(secret.id)).toEqual([]);
});

test("a 401 reports the token, and the newer one is tried once more", async () => {
  const secret = await world.addSecret({ kind: "soft", expiresIn: 3600 });
  world.idp.grants.endAccess(secret.accessToken);
  const answer = await withSecret(secrets, use(secret.id), send);
  expect(answer.status).toBe(200);
  expect(asked).toHaveLength(2);
  expect(asked[0]).toBe(secret.accessToken);
  expect(asked[1]).not.toBe(secret.accessToken);
  expect(world.idp.calls).toHaveLength(1);
  expect(await refusedEvents(secret.id)).toEqual(["refreshed", "refused"]);
});

test("ten steps whose token was refused share one refresh, and each gets its answer", async () => {
  const secret = await world.addSecret({ kind: "strict", expiresIn: 3600 });
  world.idp.grants.endAccess(secret.accessToken);
  const answers = await Promise.all(Array.from({ length: 10 }, () => withSecret(secrets, use(secret.id), send)));
  expect(answers.map((answer) => answer.status)).toEqual(Array(10).fill(200));
  expect(world.idp.calls).toHaveLength(1);
  expect(world.idp.grant(secret.grantId)?.revoked).toBe("no");
});

test("an API that refuses every token is asked twice, not more, and its second answer is the answer", async () => {
  const secret = await world.addSecret({ kind: "static", expiresIn: 3600 });
  let bodies = 0;
  const answer = await withSecret(secrets, use(secret.id), async (accessToken) => {
    asked.push(accessToken);
    return new Response(`no ${++bodies}`, { status: 401 });
  });
  expect([answer.status, await answer.text()]).toEqual([401, "no 2"]);
  expect(new Set(asked).size).toBe(2);
  expect(world.idp.calls).toHaveLength(1);
});

test("other failures of the API are its own business", async () => {
  const secret = await world.addSecret({ kind: "static", expiresIn: 3600 });
  for (const status of [403, 429, 500]) {
    const answer = await withSecret(secrets, use(secret.id), async () => new Response(null, { status }));
    expect(answer.status).toBe(status);
  }
  await expect(withSecret(secrets, use(secret.id), () => Promise.reject(new TypeError("socket")))).rejects.toThrow(
    "socket",
  );
  expect(world.idp.calls).toHaveLength(0);
  expect(await refusedEvents(secret.id)).toEqual([]);
});

test("when a refused token cannot be renewed, the caller learns who must act", async () => {
  const secret = await world.addSecret({ kind: "static", expiresIn: 3600, offline: false });
  world.idp.grants.endAccess(secret.accessToken);
  const failure = await withSecret(secrets, use(secret.id), send).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(LatchkeyError);
  expect(failure).toMatchObject({ status: 409, problem: { who: "you" } });
  expect(asked).toEqual([secret.accessToken]);
});
