import { and, desc, eq, sql } from "drizzle-orm";
import { secretEvents } from "@/drizzle/schema/secrets";
import type { Tx } from "@/lib/db/tx";

/** SQL of a secret's timeline. */

export type EventRow = typeof secretEvents.$inferSelect;
export type NewEvent = Pick<
  typeof secretEvents.$inferInsert,
  "event" | "actor" | "generation" | "durationMs" | "code" | "detail"
>;

export async function insertEvent(tx: Tx, tenantId: string, secretId: string, event: NewEvent): Promise<void> {
  await tx.insert(secretEvents).values({ tenantId, secretId, ...event });
}

/** At most one event of this kind per generation: a thousand steps may report the same refused token. */
export async function insertEventOnce(tx: Tx, tenantId: string, secretId: string, event: NewEvent): Promise<void> {
  const key = `${secretId} ${event.event} ${event.generation ?? ""}`;
  await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${key}, 0))`);
  await tx.execute(sql`
    insert into secret_events (tenant_id, secret_id, event, actor, generation, detail)
    select ${tenantId}, ${secretId}, ${event.event}, ${event.actor ?? null}, ${event.generation ?? null}, ${event.detail ?? null}
     where not exists (select 1 from secret_events e where e.tenant_id = ${tenantId} and e.secret_id = ${secretId}
       and e.event = ${event.event} and e.generation is not distinct from ${event.generation ?? null}::int)`);
}

export async function listEvents(
  tx: Tx,
  tenantId: string,
  secretId: string,
  page: { limit: number; offset: number },
): Promise<{ rows: EventRow[]; total: number }> {
  const mine = and(eq(secretEvents.tenantId, tenantId), eq(secretEvents.secretId, secretId));
  const rows = await tx
    .select()
    .from(secretEvents)
    .where(mine)
    .orderBy(desc(secretEvents.id))
    .limit(page.limit)
    .offset(page.offset);
  const [count] = await tx.select({ n: sql<number>`count(*)::int` }).from(secretEvents).where(mine);
  return { rows, total: count?.n ?? 0 };
}
