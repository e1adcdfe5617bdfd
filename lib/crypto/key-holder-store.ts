import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { and, eq, sql } from "drizzle-orm";
import { keyHolders } from "@/drizzle/schema/keys";
import { INSTANCE_TENANT } from "@/lib/access/scope";
import { settings } from "@/lib/config";
import { keyDatabase } from "@/lib/db/client";
import { inTenant, type Tx } from "@/lib/db/tx";
import { once } from "@/lib/process";

/** Which process has which master keys, and what those wrap: statements of drizzle/keys.sql. Each call is a transaction of its own. */

const withKeys = <T>(work: (tx: Tx) => Promise<T>) => inTenant(INSTANCE_TENANT, work, keyDatabase);
const holderId = () => once("key-holder", () => randomUUID());

/** A master key that is missing here, by its id, and how many tenant keys it wraps. */
export interface MissingKek {
  id: string;
  wraps: number;
}

/**
 * Says that this process lives and has these master keys, the first of which wraps. From then on, for 30 s, nothing is wrapped that
 * none of them opens. Answers what is so already; then nothing was said.
 *
 * @param source the setting they came from
 */
export async function holdKeys(kekIds: readonly string[], source: string): Promise<MissingKek[]> {
  const rows = await withKeys((tx) =>
    tx.execute<{ missing: string; wraps: number }>(sql`
      select * from latchkey_hold_keys(${holderId()}, ${hostname()}, ${process.pid}, ${settings().role}, ${source},
        ${sql.param(kekIds)}::text[])`),
  );
  return rows.map(({ missing, wraps }) => ({ id: missing, wraps }));
}

/** This process ends: nobody need wait for it. */
export async function releaseKeys(): Promise<void> {
  await withKeys((tx) =>
    tx.delete(keyHolders).where(and(eq(keyHolders.tenantId, INSTANCE_TENANT), eq(keyHolders.id, holderId()))),
  );
}

/** How many tenant keys these master keys wrap. */
export async function wrapsBy(kekIds: readonly string[]): Promise<number> {
  const { wraps } = await withKeys(kekFacts);
  return kekIds.reduce((sum, id) => sum + (wraps.get(id) ?? 0), 0);
}

/** A living process and the ids of its master keys, the one that wraps first. */
export interface KeyHolder {
  id: string;
  host: string;
  pid: number;
  role: string;
  source: string;
  kekIds: string[];
}

export interface KekFacts {
  /** Tenant keys by the id of the master key that wraps them. */
  wraps: Map<string, number>;
  holders: KeyHolder[];
  /** Ids of master keys that wrapped something once. */
  used: Set<string>;
}

/** What the database says of master keys. `tx` is in the instance's tenant. */
export async function kekFacts(tx: Tx): Promise<KekFacts> {
  const wraps = await tx.execute<{ kek_id: string; tenant_keys: number }>(sql`select * from latchkey_wraps()`);
  const holders = await tx.execute<{
    id: string;
    host: string;
    pid: number;
    role: string;
    source: string;
    kek_ids: string[];
  }>(sql`select id, host, pid, role, source, kek_ids from living_holders order by host, pid`);
  const used = await tx.execute<{ kek_id: string }>(sql`select kek_id from master_keys order by first_used_at`);
  return {
    wraps: new Map(wraps.map((row) => [row.kek_id, row.tenant_keys])),
    holders: holders.map(({ kek_ids, ...holder }) => ({ ...holder, kekIds: kek_ids })),
    used: new Set(used.map((row) => row.kek_id)),
  };
}
