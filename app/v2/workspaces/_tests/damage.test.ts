import { afterEach, expect, test } from "vitest";
import { DELETE, GET } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/route";
import { GET as TOKEN } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/token/route";
import { GET as LIST, POST } from "@/app/v2/workspaces/[workspaceId]/secrets/route";
import { makeSession } from "@/lib/testing/callers";
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
