import postgres from "postgres";
import { expect, inject, it, vi } from "vitest";
import { openOAuthClient } from "@/lib/auth-clients/service";
import { closeDatabase, database } from "@/lib/db/client";
import { onSecretChange } from "@/lib/db/notifications";
import { install } from "@/lib/process";
import { useOAuthWorld } from "@/lib/testing/oauth-world";

/** What one process hears of what another did; here the owner's own connection is the other process. */
const world = useOAuthWorld();

async function until(look: () => boolean | Promise<boolean>): Promise<void> {
  for (let n = 0; n < 400 && !(await look()); n++) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(await look()).toBe(true);
}

/** Says so again and again until it is heard: when listening has begun is not visible from outside. */
async function heard(say: () => Promise<unknown>, listener: { seen: string[] }, what: string): Promise<void> {
  await until(async () => {
    await say();
    await new Promise((resolve) => setTimeout(resolve, 10));
    return listener.seen.includes(what);
  });
}

it("a repaired client is used at once, also where it was broken a moment ago", async () => {
  const id = await world.addClient();
  const tenantId = world.place.tenantId;
  // Nothing is forgotten for its age: only being told makes a difference.
  vi.spyOn(performance, "now").mockReturnValue(performance.now());
  const broken = { code: "client_rejected", title: "t", detail: "d", who: "admin", since: "2026-01-01T00:00:00Z" };
  await world.database.owner`
    insert into auth_client_state (tenant_id, auth_client_id, problem, problem_version)
    values (${tenantId}, ${id}, ${world.database.owner.json(broken)}, 1)`;
  await until(async () => (await openOAuthClient(tenantId, id))?.problem != null);
  const open = await openOAuthClient(tenantId, id);
  expect(await openOAuthClient(tenantId, id)).toBe(open); // it is remembered
  await world.database.owner`update auth_client_state set problem = null where auth_client_id = ${id}`;
  await until(async () => (await openOAuthClient(tenantId, id))?.problem === null);
  // Once more: by now listening has begun for certain, which by itself forgets everything.
  await world.database.owner`update auth_client_state set problem = ${world.database.owner.json(broken)}`;
  await until(async () => (await openOAuthClient(tenantId, id))?.problem != null);
  await world.database.owner`update auth_client_state set problem = null where auth_client_id = ${id}`;
  await until(async () => (await openOAuthClient(tenantId, id))?.problem === null);
  await world.database.owner`update auth_clients set name = 'Another', version = version + 1 where id = ${id}`;
  await until(async () => (await openOAuthClient(tenantId, id))?.name === "Another");
  vi.restoreAllMocks();
});

it("changes are heard on the database that came back elsewhere", async () => {
  const listener = { seen: [] as string[] };
  let missed = 0;
  const end = onSecretChange(
    (workspaceId, secretId) => listener.seen.push(`${workspaceId} ${secretId}`),
    () => missed++,
  );
  const say = (payload: string) => () => world.database.owner`select pg_notify('latchkey_secret', ${payload})`;
  await heard(say("w first"), listener, "w first");
  expect(missed).toBe(1);

  // Another server as far as this process can tell: same data folder, other address.
  await closeDatabase();
  const moved = new URL(world.database.url);
  moved.searchParams.set("application_name", "moved");
  install("databaseUrl", moved.href);
  await database().sql`select 1`;
  await heard(say("w second"), listener, "w second");
  expect(missed).toBe(2);

  // And when only the connection was lost.
  const admin = postgres(inject("testServerUrl"), { max: 1 });
  await admin`select pg_terminate_backend(pid) from pg_stat_activity
    where datname = ${moved.pathname.slice(1)} and query ilike 'listen%'`;
  await admin.end();
  await heard(say("w third"), listener, "w third");
  expect(missed).toBe(3);
  end();
  await say("w fourth")();
  expect(listener.seen).not.toContain("w fourth");
});
