import { database } from "@/lib/db/client";
import { repeatable } from "@/lib/db/tx";

/** The worker's doors across tenants: the named functions of drizzle/webhooks.sql and nothing else. Times are the database's. */

/** A message that this process may try to deliver, with what is needed for it. */
export interface Lease {
  tenantId: string;
  /** The delivery's. */
  id: string;
  webhookId: string;
  workspaceId: string;
  contractId: string;
  event: string;
  body: string;
  /** This one counted. */
  attempts: number;
  ageMs: number;
  name: string;
  url: string;
  authSecretId: string | null;
  sealed: Buffer;
  generation: number;
  previousSigns: boolean;
}

/** What became of an attempt. */
export interface Outcome {
  delivered: boolean;
  status: number | null;
  durationMs: number;
  /** A word of lib/webhooks/failure; null when it was delivered. */
  error: string | null;
  /** Null: no further attempt. */
  retryMs: number | null;
  /** The receiver wants no more. */
  off: "gone" | null;
}

interface RawLease {
  tenant_id: string;
  id: string;
  webhook_id: string;
  workspace_id: string;
  contract_id: string;
  event: string;
  body: string;
  attempts: number;
  age_ms: number;
  name: string;
  url: string;
  auth_secret_id: string | null;
  sealed: Buffer;
  generation: number;
  previous_signs: boolean;
}

/**
 * Leases what is due, at most one message of each webhook.
 *
 * @param crowded tenants to leave out
 */
export async function claim(
  holder: string,
  limit: number,
  crowded: readonly string[],
  leaseMs: number,
): Promise<Lease[]> {
  const rows = await database().sql<RawLease[]>`
    select * from latchkey_webhook_claim(${holder}, ${limit}, ${crowded as string[]}::text[], ${leaseMs})`;
  return rows.map(toLease);
}

function toLease(raw: RawLease): Lease {
  return {
    tenantId: raw.tenant_id,
    id: raw.id,
    webhookId: raw.webhook_id,
    workspaceId: raw.workspace_id,
    contractId: raw.contract_id,
    event: raw.event,
    body: raw.body,
    attempts: raw.attempts,
    ageMs: raw.age_ms,
    name: raw.name,
    url: raw.url,
    authSecretId: raw.auth_secret_id,
    sealed: raw.sealed,
    generation: raw.generation,
    previousSigns: raw.previous_signs,
  };
}

/** Whether the attempt is still this process's, and the webhook's address and secret are those of the lease, which begins anew. Nothing is sent without. */
export async function guard(lease: Lease, holder: string, leaseMs: number): Promise<boolean> {
  const [row] = await database().sql<{ mine: boolean }[]>`
    select latchkey_webhook_guard(${lease.tenantId}, ${lease.id}, ${holder}, ${lease.attempts}, ${leaseMs},
      ${lease.url}, ${lease.authSecretId}) as mine`;
  return row?.mine === true;
}

/** @returns whether it was still this process's, and why the webhook was switched off by it, if it was */
export async function finish(
  lease: Lease,
  holder: string,
  outcome: Outcome,
  giveUpMs: number,
): Promise<{ mine: boolean; off: string | null }> {
  const { delivered, status, durationMs, error, retryMs, off } = outcome;
  const [row] = await database().sql<{ mine: boolean; off: string | null }[]>`
    select * from latchkey_webhook_finish(${lease.tenantId}, ${lease.id}, ${holder}, ${lease.attempts}, ${delivered},
      ${status}, ${durationMs}, ${error}, ${retryMs}, ${off}, ${giveUpMs})`;
  return { mine: row?.mine === true, off: row?.off ?? null };
}

/** Groups whose time to be told may have come. */
export async function waitingGroups(
  waitMs: number,
  mostMs: number,
  windowMs: number,
): Promise<{ tenantId: string; webhookId: string; groupKey: string }[]> {
  const rows = await repeatable((sql) => sql`select * from latchkey_webhook_groups(${waitMs}, ${mostMs}, ${windowMs})`);
  return rows.map((row) => ({
    tenantId: row.tenant_id as string,
    webhookId: row.webhook_id as string,
    groupKey: row.group_key as string,
  }));
}

/** Notes tokens that end or have ended without being renewed. @returns how many */
export async function noteExpiring(limit: number, warnMs: number): Promise<number> {
  const [row] = await database().sql<{ n: number }[]>`select latchkey_webhook_expiring(${limit}, ${warnMs}) as n`;
  return row?.n ?? 0;
}

/** @returns how many entries of the log were removed */
export async function prune(days: number, most: number): Promise<number> {
  const [row] = await database().sql<{ n: string }[]>`select latchkey_webhook_prune(${days}, ${most}) as n`;
  return Number(row?.n ?? 0);
}
