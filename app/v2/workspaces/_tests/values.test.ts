import { afterEach, expect, test, vi } from "vitest";
import { GET as GET_REVEAL, POST as REVEAL } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/reveal/route";
import { GET, PATCH } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/route";
import { settings } from "@/lib/config";
import { closeDatabase } from "@/lib/db/client";
import { makePerson, makeSession, OWNER } from "@/lib/testing/callers";
import { call, type Handler } from "@/lib/testing/http";
import { useOAuthWorld } from "@/lib/testing/oauth-world";
import { madeId, postSecret } from "@/lib/testing/secrets-api";

/** Values written and shown (SECURITY VAL-2, VAL-3, SES-5). */
const world = useOAuthWorld();
let count = 0;
afterEach(() => {
  vi.useRealTimers();
});

async function add(): Promise<string> {
  return madeId(
    await postSecret(
      world.place,
      world.owner.basic,
      {
        name: `Value ${++count}`,
        credentials: {
          access_token: `at-${count}`,
          refresh_token: `rt-${count}`,
          expires_in: 3600,
          scope: "a b",
          fields: { retries: 3 },
        },
      },
      world.clientId,
    ),
  );
}

const at = (handler: Handler, secretId: string, options: Parameters<typeof call>[1] = {}) =>
  call(handler, { params: { workspaceId: world.place.workspaceId, secretId }, as: world.owner.basic, ...options });

test("credentials sent back as they were read change nothing: same generation, same expiry", async () => {
  const id = await add();
  await world.database.owner`
    update token_state set expires_at = expires_at - interval '10 min', received_at = received_at - interval '10 min' where secret_id = ${id}`;
  const before = (await at(GET, id)).body.data.attributes;
  const patched = await at(PATCH, id, {
    method: "PATCH",
    json: { data: { type: "auth-secret", id, attributes: { name: before.name, credentials: before.credentials } } },
  });
  expect(patched.status).toBe(200);
  const after = (await at(GET, id)).body.data.attributes;
  expect(after.generation).toBe(before.generation);
  expect(after.expires_at).toBe(before.expires_at);
  expect(after.credentials).toEqual(before.credentials);
});

test("null clears, absent keeps, and a mask is refused as a value", async () => {
  const id = await add();
  const patch = (credentials: unknown) =>
    at(PATCH, id, { method: "PATCH", json: { data: { type: "auth-secret", attributes: { credentials } } } });
  const renewed = await patch({ access_token: "a newer one" });
  expect(renewed.body.data.attributes).toMatchObject({
    has_refresh_token: true,
    credentials: { access_token: "a newer one", refresh_token: `rt-${count}` },
  });
  await patch({ access_token: `at-${count}` });
  const cleared = await patch({ refresh_token: null });
  expect(cleared.body.data.attributes).toMatchObject({
    has_refresh_token: false,
    credentials: { access_token: `at-${count}`, fields: { retries: 3 } },
  });
  const masked = await patch({ access_token: "••••••••••••" });
  expect(masked.status).toBe(400);
  expect(masked.body.errors[0].source.pointer).toBe("/data/attributes/credentials/access_token");
});

test("a browser reveals a value only after a sign-in of the last ten minutes, by POST, and it is on record", async () => {
  const id = await add();
  const headers = { origin: settings().url };
  const body = { method: "POST", json: { field: "refresh_token" }, headers };
  const old = await makeSession(world.owner.id, new Date(Date.now() - 11 * 60_000));
  const refused = await at(REVEAL, id, { ...body, as: old });
  expect(refused.status).toBe(403);
  expect(refused.body.errors[0].code).toBe("reauth_required");
  const fresh = await makeSession(world.owner.id);
  const shown = await at(REVEAL, id, { ...body, as: fresh });
  expect(shown.body.data).toMatchObject({
    type: "value",
    attributes: { field: "refresh_token", value: `rt-${count}` },
  });
  expect(shown.headers.get("cache-control")).toBe("no-store");
  expect((await at(REVEAL, id, { ...body, as: fresh, headers: { origin: "https://evil.example.com" } })).status).toBe(
    403,
  );
  expect((await at(GET_REVEAL as Handler, id, { as: fresh })).status).toBe(405);
  const [entry] = await world.database.owner`
    select count(*)::int as n from audit_entries where target_id = ${id} and action = 'secret.revealed' and outcome = 'allowed'`;
  expect(entry?.n).toBe(1);
  const unknown = await at(REVEAL, id, { ...body, as: fresh, json: { field: "client_secret" } });
  expect(unknown.status).toBe(400);
});

test("a person is shown thirty values at once and then one now and then: 429 with Retry-After, whoever counts", async () => {
  // The clock stands: how long the machine takes decides nothing.
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() });
  const [id, other] = [await add(), await add()];
  const person = await makePerson(world.place, OWNER);
  const headers = { origin: settings().url };
  const [one, two] = [await makeSession(person.id), await makeSession(person.id)];
  const show = (as: Record<string, string>, secretId = id) =>
    at(REVEAL, secretId, { method: "POST", json: { field: "access_token" }, headers, as });
  // At once, over two sessions and a key: what is counted by one is seen by all.
  const answers = await Promise.all(
    Array.from({ length: 45 }, (_, n) =>
      show([one, two, person.basic][n % 3] as Record<string, string>, n % 2 ? id : other),
    ),
  );
  const counted = (status: number) => answers.filter((answer) => answer.status === status).length;
  // The 31st is the first that makes the next one wait.
  expect([counted(200), counted(429)]).toEqual([31, 14]);
  const refused = answers.find(({ status }) => status === 429);
  expect(Number(refused?.headers.get("retry-after"))).toBeGreaterThan(0);
  expect(refused?.body.errors[0].code).toBe("throttled");
  const [entry] = await world.database.owner`select count(*) filter (where outcome = 'allowed')::int as allowed,
    count(*) filter (where outcome = 'denied')::int as denied from audit_entries
    where action = 'secret.revealed' and actor_id = ${person.id}`;
  expect(entry).toEqual({ allowed: 31, denied: 14 });
  // Another person is not held up.
  expect((await show(await makeSession(world.owner.id))).status).toBe(200);
  // The count is a row: a process that starts now finds it. Time lets go of it.
  await closeDatabase();
  expect((await show(one)).status).toBe(429);
  vi.setSystemTime(Date.now() + 60_000);
  expect((await show(two)).status).toBe(200);
});
