import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { GET as METRICS } from "@/app/metrics/route";
import { database } from "@/lib/db/client";
import { forget, install } from "@/lib/process";
import { refresher } from "@/lib/refresher/live-world";
import { readsWaiting } from "@/lib/secrets/audited-read-store";
import { call } from "@/lib/testing/http";
import { lockTable } from "@/lib/testing/lock-table";
import { useOAuthWorld } from "@/lib/testing/oauth-world";
import { MAX_HOSTS } from "./metrics";

/** What /metrics says is what happened and what lies in the database, and nothing of a tenant is in it. */
const world = useOAuthWorld();

beforeEach(() => {
  for (const what of ["metrics", "database-gauges"]) forget(what);
});
afterAll(() => forget("metrics"));

/** One scrape: `name{labels}` → value, labels as Prometheus prints them. */
async function scrape(): Promise<Record<string, number>> {
  forget("database-gauges");
  const answer = await call(METRICS);
  expect(answer.status).toBe(200);
  const lines = String(answer.body).split("\n");
  return Object.fromEntries(
    lines
      .filter((line) => line !== "" && !line.startsWith("#"))
      .map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ") + 1))]),
  );
}

const update = (secretId: string, set: string) =>
  world.database.owner.unsafe(`update token_state set ${set} where secret_id = $1`, [secretId]);

describe("what lies in the database", () => {
  it("is due, taken, lapsed, expired and soonest of what is to be kept fresh, and nothing that waits for a person", async () => {
    const quiet = await scrape();
    expect(quiet.latchkey_soonest_expiry_seconds).toBeUndefined();
    expect(quiet.latchkey_refresh_due_lag_seconds).toBe(0);
    const ids: string[] = [];
    for (let n = 0; n < 8; n++) ids.push((await world.addSecret()).id);
    const [due, taken, lapsed, dead, paused, soon, resting, broken] = ids as [string, ...string[]] & string[];
    await update(due as string, "refresh_due_at = now() - interval '100 s'");
    await update(
      taken as string,
      "refresh_due_at = now() - interval '900 s', lease_holder = 'x', lease_until = now() + interval '9 s'",
    );
    await update(
      lapsed as string,
      "refresh_due_at = now() - interval '50 s', lease_holder = 'x', lease_until = now() - interval '9 s'",
    );
    for (const [id, status] of [
      [dead, "dead"],
      [paused, "paused"],
    ])
      await update(
        id as string,
        `status = '${status}', refresh_due_at = now() - interval '5000 s', expires_at = now() - interval '5000 s'`,
      );
    await update(soon as string, "expires_at = now() + interval '77 s'");
    const clientId = await world.addClient();
    await update(
      broken as string,
      `auth_client_id = '${clientId}', refresh_due_at = now() - interval '5000 s', expires_at = now() - interval '5000 s'`,
    );
    await world.database.owner`insert into auth_client_state (tenant_id, auth_client_id, problem)
      select tenant_id, auth_client_id, '{"code":"client_rejected"}'::jsonb from token_state where secret_id = ${broken as string}
      on conflict (tenant_id, auth_client_id) do update set problem = excluded.problem`;

    await update(resting as string, "refresh_due_at = now() - interval '5000 s', not_before = now() + interval '60 s'");
    const pacedId = (await world.addSecret({}, { clientId: await world.addClient() })).id;
    await update(pacedId, "refresh_due_at = now() - interval '5000 s'");
    await world.database
      .owner`insert into token_pace (tenant_id, auth_client_id, rate, blocked_until, throttled_at, next_at)
      select tenant_id, auth_client_id, 1, now() + interval '60 s', now(), now() from token_state where secret_id = ${pacedId}`;

    const before = await scrape();
    expect(before).toMatchObject({
      latchkey_database_up: 1,
      latchkey_refresh_due: 2,
      latchkey_leases: 1,
      latchkey_leases_lapsed: 1,
      latchkey_tokens_expired: 0,
      latchkey_auth_clients_broken: 1,
      latchkey_auth_clients_throttled: 1,
    });
    expect(before.latchkey_refresh_due_lag_seconds).toBeGreaterThanOrEqual(100);
    expect(before.latchkey_refresh_due_lag_seconds).toBeLessThan(900);
    expect(before.latchkey_soonest_expiry_seconds).toBeLessThanOrEqual(77);
    expect(before.latchkey_soonest_expiry_seconds).toBeGreaterThan(0);

    await update(soon as string, "expires_at = now() - interval '7 s'");
    const after = await scrape();
    expect(after.latchkey_tokens_expired).toBe(1);
    expect(after.latchkey_soonest_expiry_seconds).toBeLessThanOrEqual(-7);
    expect(after.latchkey_soonest_expiry_seconds).toBeGreaterThan(-5000);
  });

  it("is read along its indexes, never by walking the table", async () => {
    await world.database.owner`
      insert into token_state (tenant_id, secret_id, workspace_id, auth_client_tenant_id, auth_client_id, status, renewable,
                               expires_at, refresh_due_at)
      select tenant_id, 'many-' || n, workspace_id, auth_client_tenant_id, auth_client_id, 'active', true,
             now() + n * interval '1 s', now() + n * interval '1 s'
        from generate_series(1000, 30000) n,
             (select * from token_state where status = 'active' limit 1) model`;
    await world.database.owner`vacuum analyze token_state`;
    await world.database.owner.begin(async (sql) => {
      const walks = async () =>
        Number((await sql`select seq_scan from pg_stat_xact_user_tables where relname = 'token_state'`)[0]?.seq_scan);
      const before = await walks();
      await sql`select * from latchkey_refresh_gauges()`;
      expect(await walks()).toBe(before);
      await sql`select count(*) from token_state where token_type = 'x'`;
      expect(await walks()).toBe(before + 1);
    });
    await world.database.owner`delete from token_state where secret_id like 'many-%'`;
  });

  it("is webhooks that fail, and how long their messages wait for a worker and not for their receiver", async () => {
    const { tenantId, workspaceId } = world.place;
    const look = async () => {
      const { latchkey_webhooks_failing: failing = Number.NaN, latchkey_webhook_due_lag_seconds: lag = Number.NaN } =
        await scrape();
      return [failing, Math.round(lag / 100) * 100];
    };
    expect(await look()).toEqual([0, 0]);
    const owner = world.database.owner;
    for (const [id, enabled, failing] of [
      ["works", true, null],
      ["fails", true, new Date()],
      ["off", false, new Date()],
    ] as const)
      await owner`insert into webhooks (tenant_id, id, workspace_id, name, name_key, url, events, enabled, sealed, failing_since, created_by)
        values (${tenantId}, ${id}, ${workspaceId}, ${id}, ${id}, 'https://x.test/', '{secret.created}', ${enabled}, '', ${failing}, 'x')`;
    const add = (id: string, webhook: string, state: string, due: string, lease: string | null) =>
      owner`insert into webhook_deliveries (tenant_id, id, webhook_id, workspace_id, event, group_key, body, count, state, next_attempt_at, lease_until)
        values (${tenantId}, ${id}, ${webhook}, ${workspaceId}, 'secret.created', 'x', '{}', 1, ${state}, now() + ${due}::interval, now() + ${lease}::interval)`;
    await add("later", "works", "pending", "1 hour", null);
    await add("done", "works", "delivered", "-1 hour", null);
    await add("under way", "fails", "pending", "-9000 s", "1 minute");
    await add("behind it", "fails", "pending", "-8000 s", null);
    expect(await look()).toEqual([1, 0]);
    await add("waits", "works", "pending", "-600 s", null);
    expect(await look()).toEqual([1, 600]);
    await add("lapsed", "works", "pending", "-700 s", "-1 s");
    expect(await look()).toEqual([1, 700]);
    for (const table of ["webhooks", "webhook_deliveries"]) await owner`delete from ${owner(table)}`;
  });

  it("is absent while the database does not answer, and the rest is there", async () => {
    const open = database();
    install("database", { usage: () => open.usage(), sql: () => Promise.reject(new Error("away")) });
    const away = await scrape();
    install("database", open);
    expect(away.latchkey_database_up).toBe(0);
    expect(away.latchkey_refresh_due_lag_seconds).toBeUndefined();
    expect(away.latchkey_soonest_expiry_seconds).toBeUndefined();
    expect(away.latchkey_webhooks_failing).toBeUndefined();
    expect(away.latchkey_db_connections_max).toBe(10);
    expect((await scrape()).latchkey_database_up).toBe(1);
  });

  it("is looked at once for many scrapes", async () => {
    const open = database();
    let asked = 0;
    install("database", {
      usage: () => open.usage(),
      sql: (...given: Parameters<typeof open.sql>) => {
        if (given[0].join("").includes("latchkey_refresh_gauges")) asked += 1;
        return open.sql(...given);
      },
    });
    await Promise.all([call(METRICS), call(METRICS), call(METRICS)]);
    await call(METRICS);
    install("database", open);
    expect(asked).toBe(1);
  });
});

describe("what this process did", () => {
  it("counts requests and reads by declared route", async () => {
    const secret = await world.addSecret();
    await world.token(secret.id);
    await world.token("000000000000000000000000");
    const route = 'route="GET /v2/workspaces/{workspaceId}/secrets/{secretId}/token"';
    const seen = await scrape();
    expect(seen[`latchkey_requests_total{${route},status="2xx"}`]).toBe(1);
    expect(seen[`latchkey_requests_total{${route},status="4xx"}`]).toBe(1);
    expect(seen[`latchkey_request_duration_seconds_count{${route}}`]).toBe(2);
    expect(seen.latchkey_audit_commit_seconds_count).toBeGreaterThanOrEqual(2);
  });

  it("counts attempts by cause and outcome, waits for others' attempts, and rows that had moved on", async () => {
    const secret = await world.addSecret();
    await world.expire(secret.id);
    world.idp.next({ holdMs: 400 });
    const first = world.token(secret.id);
    await expect.poll(() => world.idp.refreshCalls().length).toBe(1);
    // Asks for another lifetime, so that it does not share the first reader's work but waits for its lease.
    const second = world.token(secret.id, "?minimum_validity=1");
    const third = world.refresh(secret.id);
    expect([(await first).status, (await second).status, (await third).status]).toEqual([200, 200, 200]);
    const seen = await scrape();
    expect(seen['latchkey_refresh_attempts_total{cause="demand",outcome="landed"}']).toBe(1);
    expect(seen.latchkey_refresh_duration_seconds_count).toBe(1);
    expect(seen.latchkey_lease_wait_seconds_count).toBeGreaterThanOrEqual(1);

    await world.expire(secret.id);
    world.idp.next({ holdMs: 400 });
    const late = world.token(secret.id);
    await expect.poll(() => world.idp.refreshCalls().length).toBe(2);
    await update(secret.id, "generation = generation + 1, issued_at = now() + interval '1 min'");
    await late;
    expect((await scrape())['latchkey_generation_conflicts_total{at="moved"}']).toBe(1);
  });

  it("counts answers withheld because the audit trail could not be written", async () => {
    const secret = await world.addSecret();
    await world.database.owner`alter table audit_entries rename to audit_away`;
    const answer = await world.token(secret.id);
    await world.database.owner`alter table audit_away rename to audit_entries`;
    expect(answer.status).toBe(503);
    const seen = await scrape();
    expect(seen.latchkey_audit_failures_total).toBe(1);
    expect(seen.latchkey_audit_waiting).toBe(0);
    expect(seen.latchkey_audit_lag_seconds).toBe(0);
  });

  it("names open circuits by host, so many and no more", async () => {
    const { hosts } = refresher();
    for (let n = 0; n < MAX_HOSTS + 7; n++)
      for (let calls = 0; calls < 20; calls++) {
        const entry = hosts.tryEnter(`idp-${n}.test`, "t");
        if (entry.kind === "in") entry.ticket.leave("silent");
      }
    const seen = await scrape();
    const named = Object.keys(seen).filter((name) => name.startsWith("latchkey_circuit_open{"));
    expect(named).toHaveLength(MAX_HOSTS);
    expect(seen['latchkey_circuits{state="open"}']).toBe(MAX_HOSTS + 7);
    forget("refresher");
  });

  it("says how long the oldest audit entry waits, and who waits for a connection", async () => {
    const secret = await world.addSecret();
    const unlock = await lockTable(world.database.owner, "audit_entries");
    const answer = world.token(secret.id);
    // Who is asking must be known before the pool is used up.
    await expect.poll(() => readsWaiting().count, { timeout: 10_000 }).toBe(1);
    const open = database();
    const many = Array.from({ length: 14 }, () => open.sql`select count(*) from audit_entries`);
    await expect.poll(() => open.usage().waiting, { timeout: 10_000 }).toBeGreaterThan(0);
    const seen = await scrape();
    await unlock();
    await Promise.all([answer, ...many.map((one) => one.catch(() => undefined))]);
    expect(seen.latchkey_audit_waiting).toBe(1);
    expect(seen.latchkey_audit_lag_seconds).toBeGreaterThan(0);
    expect(seen.latchkey_db_waiting).toBeGreaterThan(0);
    expect(seen['latchkey_db_connections{state="busy"}']).toBe(10);
  });
});

it("labels hold words of ours only", async () => {
  const secret = await world.addSecret();
  await world.refresh(secret.id);
  const labels = Object.keys(await scrape()).flatMap((name) => [...name.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)]);
  expect(labels.length).toBeGreaterThan(10);
  for (const [, label, value] of labels)
    expect(label === "le" || label === "route" || /^[a-z0-9_]{2,12}$/.test(value as string), `${label}=${value}`).toBe(
      true,
    );
  const text = labels.map((match) => match[2]).join(" ");
  for (const known of [secret.id, world.place.workspaceId, world.place.tenantId, world.clientId, secret.accessToken])
    expect(text).not.toContain(known);
});
