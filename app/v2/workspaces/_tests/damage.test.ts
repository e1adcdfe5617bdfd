import { afterEach, expect, test } from "vitest";
import { DELETE, GET } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/route";
import { GET as TOKEN } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/token/route";
import { GET as LIST, POST } from "@/app/v2/workspaces/[workspaceId]/secrets/route";
import { sealJson } from "@/lib/crypto/envelope";
import { newId } from "@/lib/ids";
import { runAttempt } from "@/lib/refresher/ensure-fresh";
import { refresher } from "@/lib/refresher/live-world";
import { tokenPlace } from "@/lib/refresher/token-place";
import { credentialsPlace } from "@/lib/secrets/opened";
import { addWorkspace, makePerson, makeSession, OWNER, type Person, type Place } from "@/lib/testing/callers";
import { call, type Handler } from "@/lib/testing/http";
import { useOAuthWorld } from "@/lib/testing/oauth-world";

/** What the product does when the database was tampered with or does not take the audit (CRY-2, CRY-11, AU-1). */
const world = useOAuthWorld();
let count = 0;

const params = (secretId?: string) => ({ workspaceId: world.place.workspaceId, ...(secretId ? { secretId } : {}) });

async function add(credentials: Record<string, unknown>, type?: string): Promise<string> {
  const { status, body } = await call(POST, {
    method: "POST",
    params: params(),
    as: world.owner.basic,
    json: {
      data: {
        type: "auth-secret",
        attributes: { name: `Damage ${++count}`, credentials, ...(type ? { type } : {}) },
        ...(type ? {} : { relationships: { auth_client: { data: { id: world.clientId, type: "auth-client" } } } }),
      },
    },
  });
  expect(status).toBe(201);
  return body.data.id;
}

const read = (handler: Handler, secretId: string) => call(handler, { params: params(secretId), as: world.owner.basic });

afterEach(async () => {
  await world.database.owner`alter table audit_entries drop constraint if exists no_room`;
});

test("a sealed value opens nowhere but in its own place: 409, never the other secret's value", async () => {
  const mine = await add({ username: "ada", password: "value-of-the-first" }, "basic");
  const other = await add({ username: "bob", password: "value-of-the-second" }, "basic");
  await world.database.owner`
    update secrets set sealed = (select sealed from secrets where id = ${other}) where id = ${mine}`;
  const answer = await read(GET, mine);
  expect(answer.status).toBe(409);
  expect(answer.body.errors[0]).toMatchObject({
    code: "integrity_failure",
    meta: { problem: { code: "integrity_failure", who: "admin" } },
  });
  expect(JSON.stringify(answer.body)).not.toMatch(/value-of|token_state|secrets |tenant/);
  expect((await read(GET, other)).body.data.attributes.credentials.password).toBe("value-of-the-second");
});

test("tokens swapped between two secrets or put back to an older generation are refused", async () => {
  const a = await add({ access_token: "token-a", refresh_token: "refresh-a", expires_in: 3600 });
  const b = await add({ access_token: "token-b", refresh_token: "refresh-b", expires_in: 3600 });
  await world.database.owner`
    update token_state set sealed = (select sealed from token_state where secret_id = ${b}) where secret_id = ${a}`;
  expect((await read(TOKEN, a)).status).toBe(409);
  await world.database.owner`update token_state set generation = generation + 1 where secret_id = ${b}`;
  expect((await read(TOKEN, b)).status).toBe(409);
});

test("one damaged secret is flagged in the list, the others are whole, and it can still be deleted", async () => {
  const whole = await add({ headerName: "X-Key", headerValue: "whole" }, "api_key");
  const damaged = await add({ access_token: "token-c", refresh_token: "refresh-c", expires_in: 3600 });
  await world.database.owner`update token_state set sealed = decode('00', 'hex') where secret_id = ${damaged}`;
  const list = await call(LIST, { params: params(), as: world.owner.basic });
  expect(list.status).toBe(200);
  const byId = new Map(list.body.data.map((one: { id: string; attributes: unknown }) => [one.id, one.attributes]));
  expect(byId.get(whole)).toMatchObject({ credentials: { headerValue: "whole" } });
  expect(byId.get(damaged)).toMatchObject({ state: "error", problem: { code: "integrity_failure" } });
  expect(byId.get(damaged)).not.toHaveProperty("credentials");
  expect((await call(DELETE, { method: "DELETE", params: params(damaged), as: world.owner.basic })).status).toBe(204);
});

test("when the audit cannot be written no value leaves: 503; what shows none still answers; it recovers by itself", async () => {
  const id = await add({ access_token: "token-d", refresh_token: "refresh-d", expires_in: 3600 });
  await world.database.owner`alter table audit_entries add constraint no_room check (false) not valid`;
  for (const handler of [GET, TOKEN] as Handler[]) {
    const answer = await read(handler, id);
    expect(answer.status).toBe(503);
    expect(answer.body.errors[0].code).toBe("audit_unavailable");
    expect(answer.headers.get("retry-after")).not.toBeNull();
    expect(JSON.stringify(answer.body)).not.toContain("token-d");
  }
  const list = await call(LIST, { params: params(), as: world.owner.basic });
  expect(list.status).toBe(503);
  const session = await makeSession(world.owner.id);
  expect((await call(GET, { params: params(id), as: session })).status).toBe(200);
  await world.database.owner`alter table audit_entries drop constraint no_room`;
  expect((await read(TOKEN, id)).body.data.attributes.access_token).toBe("token-d");
});

test("a change whose entry cannot be written is 503 and does not happen; it recovers by itself", async () => {
  await world.database.owner`revoke insert on audit_entries from latchkey_app`;
  const id = await world.database.owner`select id from secrets limit 1`.then(([row]) => row?.id as string);
  const gone = await call(DELETE, { method: "DELETE", params: params(id), as: world.owner.basic });
  expect([gone.status, gone.body.errors[0].code]).toEqual([503, "audit_unavailable"]);
  const session = await makeSession(world.owner.id);
  expect((await call(GET, { params: params(id), as: session })).status).toBe(200);
  await world.database.owner`grant insert on audit_entries to latchkey_app`;
  expect((await call(DELETE, { method: "DELETE", params: params(id), as: world.owner.basic })).status).toBe(204);
});

test("a full disk is 503 with a reason, not a 500; nothing is half stored; it recovers by itself", async () => {
  await world.database.owner.unsafe(`
    create or replace function disk_full() returns trigger language plpgsql as $$
    begin raise exception 'could not extend file' using errcode = '53100'; end $$;
    create trigger disk_full before insert on secrets for each row execute function disk_full()`);
  const body = {
    data: {
      type: "auth-secret",
      attributes: { name: "No room", type: "basic", credentials: { username: "u", password: "p" } },
    },
  };
  const create = () => call(POST, { method: "POST", params: params(), as: world.owner.basic, json: body });
  const refused = await create();
  expect(refused.status).toBe(503);
  expect(refused.body.errors[0]).toMatchObject({
    code: "unavailable",
    detail: expect.stringContaining("disk is full"),
  });
  expect(refused.headers.get("retry-after")).not.toBeNull();
  await world.database.owner.unsafe("drop trigger disk_full on secrets; drop function disk_full()");
  expect((await create()).status).toBe(201);
});

/** A thousand secrets in a workspace of their own, each sealed for its own place, made from one that was made properly. */
async function thousand(): Promise<{ ids: string[]; place: Place; owner: Person }> {
  const place = { ...world.place, workspaceId: await addWorkspace(world.place) };
  const model = await world.addSecret();
  const ids = Array.from({ length: 1000 }, newId);
  const hex = async (sealed: Promise<Buffer>) => `\\x${(await sealed).toString("hex")}`;
  const { tenantId } = place;
  const rows = await Promise.all(
    ids.map(async (id, i) => ({
      id,
      name: `Row ${i}`,
      sealed: await hex(sealJson(credentialsPlace(tenantId, id, 1), { additional_params: {}, fields: {} })),
      tokens: await hex(
        sealJson(tokenPlace(tenantId, id, 1), {
          access_token: `access ${i}`,
          refresh_token: `refresh ${i}`,
          token_type: "Bearer",
          expires_in: 3600,
          scope: null,
          undefined_params: {},
        }),
      ),
    })),
  );
  const sql = world.database.owner;
  await sql`insert into secrets select (jsonb_populate_record(s, jsonb_build_object('id', x.id, 'name', x.name, 'name_key', x.name,
      'secret_name', x.id, 'workspace_id', ${place.workspaceId}::text, 'sealed', x.sealed))).*
    from secrets s, jsonb_to_recordset(${sql.json(rows)}) as x(id text, name text, sealed text) where s.id = ${model.id}`;
  await sql`insert into token_state select (jsonb_populate_record(t, jsonb_build_object('secret_id', x.id,
      'workspace_id', ${place.workspaceId}::text, 'sealed', x.tokens))).*
    from token_state t, jsonb_to_recordset(${sql.json(rows)}) as x(id text, tokens text) where t.secret_id = ${model.id}`;
  return { ids, place, owner: await makePerson(place, OWNER) };
}

test("one damaged of 1000 is flagged for every reader, in a browser too; search and the refresh of others go on (CRY-11)", async () => {
  const { ids, place, owner } = await thousand();
  const damaged = ids[500] as string;
  const sql = world.database.owner;
  const sealedOf = async () => (await sql`select sealed from token_state where secret_id = ${damaged}`)[0]?.sealed;
  const whole: Buffer = await sealedOf();
  const flip = Buffer.from(whole);
  flip[flip.length - 1] = (flip.at(-1) as number) ^ 1;
  const inBrowser = await makeSession(owner.id);
  const guest = await makePerson(place, { workspace: "guest" });
  const list = (as: Record<string, string>, query = "") =>
    call(LIST, { params: { workspaceId: place.workspaceId }, url: `/${query}`, as });
  const flagged = async (as: Record<string, string>, query = "") => {
    const { status, body } = await list(as, query);
    expect(status).toBe(200);
    const bad = body.data.filter(
      (one: { attributes: { problem: { code: string } | null } }) =>
        one.attributes.problem?.code === "integrity_failure",
    );
    for (const one of bad) expect(one.attributes).toMatchObject({ state: "error", status: "paused" });
    expect(JSON.stringify(bad)).not.toContain("access 500");
    return [body.data.length, bad.map((one: { id: string }) => one.id)];
  };
  const readers = [owner.basic, inBrowser, guest.basic];
  for (const as of readers) expect(await flagged(as)).toEqual([1000, []]);

  await sql`update token_state set sealed = ${flip} where secret_id = ${damaged}`;
  for (const as of readers) expect(await flagged(as)).toEqual([1000, [damaged]]);
  expect(await flagged(inBrowser, "?filter[search]=row%20500")).toEqual([1, [damaged]]);
  expect(await flagged(inBrowser, "?filter[search]=row%20501")).toEqual([1, []]);
  expect(await flagged(inBrowser, "?page[size]=100&page[number]=6&sort=created")).toEqual([100, expect.any(Array)]);
  const one = { params: { workspaceId: place.workspaceId, secretId: damaged } };
  expect((await call(GET, { ...one, as: inBrowser })).body.data.attributes.problem.code).toBe("integrity_failure");
  expect((await call(GET, { ...one, as: owner.basic })).status).toBe(409);
  expect((await call(LIST, { ...one, as: inBrowser })).body.data).toHaveLength(1000);
  const [uses] =
    await sql`select count(*)::int as n from audit_entries where target_id = ${damaged} and actor_id = ${owner.id}
    and via = 'session' and outcome = 'allowed'`;
  expect(uses?.n).toBe(0);

  const others = await Promise.all([world.addSecret(), world.addSecret(), world.addSecret()]);
  for (const id of [damaged, ...others.map((other) => other.id)]) await world.makeDue(id);
  const { rows } = refresher().world;
  await Promise.all((await rows.claim(200, [])).map((lease) => runAttempt(lease, null)));
  for (const other of others) expect(await world.state(other.id)).toMatchObject({ generation: 2, status: "active" });
  expect(await world.state(damaged)).toMatchObject({ status: "paused", problem: { code: "integrity_failure" } });

  // The extras alone: the row of the secret itself.
  await sql`update token_state set sealed = ${whole}, status = 'active', problem = null where secret_id = ${damaged}`;
  expect(await flagged(inBrowser)).toEqual([1000, []]);
  await sql`update secrets set generation = generation + 1 where id = ${damaged}`;
  expect(await flagged(inBrowser)).toEqual([1000, [damaged]]);
  expect((await call(GET, { ...one, as: inBrowser })).status).toBe(200);
});
