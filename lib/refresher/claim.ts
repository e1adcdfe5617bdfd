import { randomUUID } from "node:crypto";
import { type Clock, systemClock } from "@/lib/clock";
import { database } from "@/lib/db/client";
import { groupCommit } from "@/lib/db/group-commit";
import { repeatable } from "@/lib/db/tx";
import { errorFields, log } from "@/lib/observability/log";
import { metrics } from "@/lib/observability/metrics";
import { once } from "@/lib/process";
import { Bore } from "./bore";
import { Heartbeat } from "./heartbeat";
import { pairOf } from "./lines";
import type { Paced, Slots } from "./pace";
import { HEARTBEAT_MS, LEASE_MS, SHORTEST_WAIT_MS } from "./policy";
import type { Alternative, FailureRecord, Landing, Lease, Rows, Verdict, Want } from "./world";

/*
 * The row store of the refresher on PostgreSQL: the named functions of drizzle/refresher.sql and nothing else. Acquire,
 * guard, land and fail of many attempts go out together; each row keeps its own condition (REFRESH section 4, "Notes").
 */

interface LeaseRow {
  tenant_id: string;
  workspace_id: string;
  secret_id: string;
  auth_client_tenant_id: string;
  auth_client_id: string;
  status: "active" | "suspect";
  grant_id: string;
  generation: number;
  sealed: Buffer | null;
  fence: string;
  attempt: string;
  failures: number;
  lost_generation: number | null;
  suspect_ms: number | null;
  expires_ms: number | null;
  now_ms: number;
}

/** @param askedAt monotonic moment before the statement: the lease began after it */
const toLease = (row: LeaseRow, askedAt: number, cause: "due" | "probe" | "demand" = "due"): Lease => ({
  tenantId: row.tenant_id,
  workspaceId: row.workspace_id,
  secretId: row.secret_id,
  authClientTenantId: row.auth_client_tenant_id,
  authClientId: row.auth_client_id,
  status: row.status,
  grantId: row.grant_id,
  generation: row.generation,
  sealed: row.sealed,
  fence: Number(row.fence),
  attempt: row.attempt,
  failures: row.failures,
  lostGeneration: row.lost_generation,
  suspectForMs: row.suspect_ms === null ? null : row.now_ms - row.suspect_ms,
  validForMs: row.expires_ms === null ? null : row.expires_ms - row.now_ms,
  probing: cause === "probe",
  demanded: cause === "demand",
  heldUntil: askedAt + LEASE_MS,
});

/** Names this process in leases. A new boot is a new name. */
export function leaseHolder(): string {
  return once("lease-holder", () => randomUUID());
}

/** What providers bore of this process. */
const bore = () => once("bore", () => new Bore(systemClock));

const BATCH = 200;
/** Rows that are worth a statement of their own while others are under way (DECISIONS 285). */
const ALONGSIDE = 24;

/** Rows of the process's own database. */
export function databaseRows(clock: Clock = systemClock): Rows {
  const holder = leaseHolder();
  const sql = () => database().sql;
  const json = (rows: readonly object[]) => JSON.stringify(rows);

  // Added to with Object.assign: spread into a large literal, each row took a hundred times as long.
  const leaseKey = (lease: Lease) => ({
    tenant_id: lease.tenantId,
    secret_id: lease.secretId,
    holder,
    fence: lease.fence,
    attempt: lease.attempt,
  });

  const guards = groupCommit<Lease, boolean>(
    async (leases) => {
      const rows = leases.map((l) => Object.assign(leaseKey(l), { grant_id: l.grantId, generation: l.generation }));
      const passed = await repeatable(
        (sql) => sql<{ attempt: string }[]>`select attempt from latchkey_refresh_guard(${json(rows)}::text::jsonb)`,
      );
      const attempts = new Set(passed.map((row) => row.attempt));
      if (attempts.size < leases.length) metrics().conflicts.inc({ at: "guard" }, leases.length - attempts.size);
      return leases.map((lease) => attempts.has(lease.attempt));
    },
    { max: BATCH, parallel: 2, alongside: ALONGSIDE },
  );

  const landings = groupCommit<Landing, Verdict>(
    async (all) => {
      const now = clock.monotonic();
      const rows = all.map((landing) =>
        Object.assign(leaseKey(landing.lease), {
          workspace_id: landing.lease.workspaceId,
          grant_id: landing.lease.grantId,
          generation: landing.parentGeneration,
          sealed: landing.sealed.toString("base64"),
          token_mac: landing.tokenMac,
          previous_mac: landing.previousMac,
          sibling: landing.sibling,
          issued_ms: landing.issuedAtMs,
          age_ms: now - landing.askedAt,
          lifetime_s: landing.lifetimeS,
          lead_ms: landing.leadMs,
          has_refresh_token: landing.hasRefreshToken,
          renewable: landing.renewable,
          token_type: landing.tokenType,
          scope_granted: landing.scope,
          fingerprint: landing.fingerprint,
          refresh_fingerprint: landing.refreshFingerprint,
          duration_ms: landing.durationMs,
          actor: landing.actor,
          event: "refreshed",
        }),
      );
      const answers = await sql()<
        {
          attempt: string;
          verdict: "landed" | "moved" | "foreign";
          generation: number | null;
          issued_ms: number | null;
          own_ms: number;
          successor: boolean | null;
        }[]
      >`select * from latchkey_refresh_land(${json(rows)}::text::jsonb)`;
      const byAttempt = new Map(answers.map((row) => [row.attempt, row]));
      return all.map((landing): Verdict => {
        const row = byAttempt.get(landing.lease.attempt);
        if (row?.verdict === "landed") return { kind: "landed" };
        metrics().conflicts.inc({ at: row?.verdict === "moved" ? "moved" : "foreign" });
        if (row?.verdict === "moved" && row.generation !== null)
          return {
            kind: "moved",
            generation: row.generation,
            issuedAtMs: row.issued_ms,
            ownIssuedAtMs: row.own_ms,
            successor: row.successor === true,
          };
        return { kind: "foreign" };
      });
    },
    { max: BATCH, parallel: 2, alongside: ALONGSIDE },
  );

  const failures = groupCommit<FailureRecord, boolean>(
    async (all) => {
      const rows = all.map((record) =>
        Object.assign(leaseKey(record.lease), {
          workspace_id: record.lease.workspaceId,
          grant_id: record.lease.grantId,
          generation: record.lease.generation,
          status: record.status,
          delay_ms: record.delayMs === "keep" ? -1 : record.delayMs,
          counts: record.counts,
          calls: record.calls,
          unknown: record.unknown,
          suspect: record.suspect,
          problem: record.problem,
          event: record.event,
          code: record.eventCode,
          detail: record.eventDetail,
          duration_ms: record.durationMs,
          actor: record.actor,
          auth_client_id: record.lease.authClientId,
          ...(record.throttle ? throttled(record.lease, record.throttle) : { throttled: false }),
        }),
      );
      const done = await repeatable(
        (sql) => sql<{ attempt: string }[]>`select attempt from latchkey_refresh_fail(${json(rows)}::text::jsonb)`,
      );
      const attempts = new Set(done.map((row) => row.attempt));
      if (attempts.size < all.length) metrics().conflicts.inc({ at: "failure" }, all.length - attempts.size);
      return all.map((record) => attempts.has(record.lease.attempt));
    },
    { max: BATCH, parallel: 2, alongside: ALONGSIDE },
  );

  const throttled = (lease: Lease, { retryAfterMs, askedAt }: NonNullable<FailureRecord["throttle"]>) => {
    const waitMs = Math.max(SHORTEST_WAIT_MS, retryAfterMs ?? 0);
    return { throttled: true, wait_ms: waitMs, bore: bore().take(pairOf(lease), askedAt, waitMs) };
  };

  const releases = groupCommit<Lease, void>(
    async (leases) => {
      await repeatable((sql) => sql`select latchkey_refresh_release(${json(leases.map(leaseKey))}::text::jsonb)`);
      return leases.map(() => undefined);
    },
    { max: BATCH },
  );

  const heartbeat = new Heartbeat(
    () => clock.monotonic(),
    async (leases) => {
      const rows = json(leases.map(leaseKey));
      const kept = await sql()<
        { attempt: string }[]
      >`select attempt from latchkey_refresh_heartbeat(${rows}::text::jsonb)`;
      return kept.map((row) => row.attempt);
    },
  );
  setInterval(() => {
    heartbeat.beat().catch((error) => log.warn("heartbeat failed", errorFields(error)));
  }, HEARTBEAT_MS).unref();

  return {
    claim: async (limit, excluded) => {
      const askedAt = clock.monotonic();
      const rows = await sql()<
        LeaseRow[]
      >`select * from latchkey_refresh_claim(${holder}, ${limit}, ${excluded as string[]})`;
      return rows.map((row) => toLease(row, askedAt));
    },
    claimProbes: async () => {
      const askedAt = clock.monotonic();
      const rows = await sql()<LeaseRow[]>`select * from latchkey_refresh_probe(${holder})`;
      return rows.map((row) => toLease(row, askedAt, "probe"));
    },
    acquire: async (target, want: Want) => {
      const askedAt = clock.monotonic();
      // A lease whose answer got lost with its connection lapses by itself.
      const rows = await repeatable(
        (sql) => sql<LeaseRow[]>`
        select * from latchkey_refresh_acquire(${holder}, ${target.tenantId}, ${target.secretId}, ${want.validityMs},
                                               ${want.generation}, ${want.insist})`,
      );
      return rows[0] ? toLease(rows[0], askedAt, "demand") : null;
    },
    guard: (lease) => guards.add(lease),
    land: async (landing) => {
      const verdict = await landings.add(landing);
      // Once, however often it had to be tried.
      bore().add(pairOf(landing.lease), landing.askedAt);
      return verdict;
    },
    fail: (record) => failures.add(record),
    release: (lease) => releases.add(lease),
    alternatives: async (lease, includePredecessor): Promise<Alternative[]> => {
      const rows = await repeatable(
        (sql) => sql<{ token_mac: string; generation: number; sealed: Buffer }[]>`
        select token_mac, generation, sealed
          from latchkey_refresh_alternatives(${lease.tenantId}, ${lease.secretId}, ${lease.grantId}, ${includePredecessor})`,
      );
      return rows.map((row) => ({ tokenMac: row.token_mac, generation: row.generation, sealed: row.sealed }));
    },
    markRefused: async (lease, tokenMac) => {
      await repeatable(
        (sql) =>
          sql`select latchkey_refresh_refused(${lease.tenantId}, ${lease.secretId}, ${lease.grantId}, ${tokenMac})`,
      );
    },
    hold: (lease) => heartbeat.hold(lease),
    drop: (lease) => heartbeat.drop(lease),
  };
}

/**
 * One secret for a person who tests it; null when another attempt has it or it has to rest.
 *
 * @param dead also where a refusal was believed
 */
export async function leaseForTest(
  target: { tenantId: string; secretId: string },
  dead: boolean,
): Promise<Lease | null> {
  const askedAt = systemClock.monotonic();
  const rows = await repeatable(
    (sql) => sql<LeaseRow[]>`
      select * from latchkey_refresh_test(${leaseHolder()}, ${target.tenantId}, ${target.secretId}, ${dead})`,
  );
  return rows[0] ? toLease(rows[0], askedAt, "probe") : null;
}

/** Slots of a pace that all processes share (drizzle/refresher.sql). */
export async function takeSlots(who: Paced, max: number): Promise<Slots> {
  const late = bore().takeLate(who.tenantId + who.authClientId);
  // Slots whose answer is lost with its connection are gone, which costs a moment only.
  const [row] = await repeatable(
    (sql) => sql<{ granted: number; start_ms: number; every_ms: number; blocked_ms: number }[]>`
      select * from latchkey_pace_take(${who.tenantId}, ${who.authClientId}, ${max}, ${late})`,
  );
  if (!row) throw new Error("The database gave no answer about a pace.");
  return { granted: row.granted, startMs: row.start_ms, everyMs: row.every_ms, blockedMs: row.blocked_ms };
}

/** Everybody who was told to slow down. */
export async function knownPaces(): Promise<Paced[]> {
  const rows = await repeatable(
    (sql) => sql<{ tenant_id: string; auth_client_id: string }[]>`select * from latchkey_paces()`,
  );
  return rows.map((row) => ({ tenantId: row.tenant_id, authClientId: row.auth_client_id }));
}
