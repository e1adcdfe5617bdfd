import { and, count, desc, eq, gt, inArray, type SQL, sql } from "drizzle-orm";
import { workspaces } from "@/drizzle/schema/accounts";
import { secrets } from "@/drizzle/schema/secrets";
import { webhookDeliveries, webhookEvents, webhooks } from "@/drizzle/schema/webhooks";
import { type Tx, violatedConstraint } from "@/lib/db/tx";
import { AppError } from "@/lib/errors";
import type { Happening } from "./message";

/** Webhooks and their log, within a tenant. What the worker does across tenants is in delivery-store.ts. */

export type WebhookRow = typeof webhooks.$inferSelect;
export type DeliveryRow = typeof webhookDeliveries.$inferSelect;

/** The secret that authenticates, as a webhook's form shows it; null name: it is gone. */
export interface ListedWebhook extends WebhookRow {
  authSecretName: string | null;
}

const ofWorkspace = (tenantId: string, workspaceId: string) =>
  and(eq(webhooks.tenantId, tenantId), eq(webhooks.workspaceId, workspaceId));

const oneWebhook = (tenantId: string, id: string) => and(eq(webhooks.tenantId, tenantId), eq(webhooks.id, id));

export async function listWebhooks(tx: Tx, tenantId: string, workspaceId: string): Promise<ListedWebhook[]> {
  return select(tx, ofWorkspace(tenantId, workspaceId));
}

export async function findWebhook(
  tx: Tx,
  tenantId: string,
  workspaceId: string,
  id: string,
): Promise<ListedWebhook | null> {
  const [row] = await select(tx, and(ofWorkspace(tenantId, workspaceId), eq(webhooks.id, id)));
  return row ?? null;
}

async function select(tx: Tx, where: ReturnType<typeof and>): Promise<ListedWebhook[]> {
  const rows = await tx
    .select({ webhook: webhooks, authSecretName: secrets.name })
    .from(webhooks)
    .leftJoin(
      secrets,
      and(
        eq(secrets.tenantId, webhooks.tenantId),
        eq(secrets.id, webhooks.authSecretId),
        eq(secrets.workspaceId, webhooks.workspaceId),
      ),
    )
    .where(where)
    .orderBy(webhooks.nameKey);
  return rows.map(({ webhook, authSecretName }) => ({ ...webhook, authSecretName }));
}

/** What a message says about where it comes from. */
export async function placeOf(
  tx: Tx,
  tenantId: string,
  id: string,
): Promise<{ name: string; workspace: { id: string; name: string } } | null> {
  const [row] = await tx
    .select({ name: webhooks.name, workspace: { id: workspaces.id, name: workspaces.name } })
    .from(webhooks)
    .innerJoin(workspaces, and(eq(workspaces.tenantId, webhooks.tenantId), eq(workspaces.id, webhooks.workspaceId)))
    .where(oneWebhook(tenantId, id));
  return row ?? null;
}

/** The row, held until the transaction ends. */
export async function lockWebhook(
  tx: Tx,
  tenantId: string,
  workspaceId: string,
  id: string,
): Promise<WebhookRow | null> {
  const [row] = await tx
    .select()
    .from(webhooks)
    .where(and(ofWorkspace(tenantId, workspaceId), eq(webhooks.id, id)))
    .for("update");
  return row ?? null;
}

/** How many a workspace has; nobody adds one until the transaction ends. */
export async function countWebhooks(tx: Tx, tenantId: string, workspaceId: string): Promise<number> {
  await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`webhooks ${workspaceId}`}, 0))`);
  const [row] = await tx.select({ n: count() }).from(webhooks).where(ofWorkspace(tenantId, workspaceId));
  return row?.n ?? 0;
}

/** @throws AppError conflict when the name is taken */
export async function insertWebhook(tx: Tx, row: typeof webhooks.$inferInsert): Promise<void> {
  await unlessTaken(() => tx.insert(webhooks).values(row));
}

/** @throws AppError conflict when the name is taken */
export async function updateWebhook(
  tx: Tx,
  { tenantId, id }: Pick<WebhookRow, "tenantId" | "id">,
  change: Partial<typeof webhooks.$inferInsert>,
): Promise<void> {
  await unlessTaken(() =>
    tx
      .update(webhooks)
      .set({ ...change, updatedAt: sql`now()` })
      .where(oneWebhook(tenantId, id)),
  );
}

async function unlessTaken(write: () => PromiseLike<unknown>): Promise<void> {
  try {
    await write();
  } catch (error) {
    if (violatedConstraint(error) === "webhooks_name")
      throw new AppError("conflict", "There is a webhook of this name already.", {
        source: { pointer: "/data/attributes/name" },
      });
    throw error;
  }
}

/** Deletes a webhook with all that waits for it and its log. */
export async function deleteWebhook(tx: Tx, tenantId: string, id: string): Promise<void> {
  await tx.delete(webhookEvents).where(and(eq(webhookEvents.tenantId, tenantId), eq(webhookEvents.webhookId, id)));
  await tx.delete(webhookDeliveries).where(deliveriesOf(tenantId, id));
  await tx.delete(webhooks).where(oneWebhook(tenantId, id));
}

/** What waits for a webhook that was switched off is not told any more. */
export async function dropWaiting(tx: Tx, tenantId: string, id: string): Promise<void> {
  await tx.execute(sql`select latchkey_webhook_drop(${tenantId}, ${id})`);
}

// ---------------------------------------------------------------- the log

const deliveriesOf = (tenantId: string, webhookId: string) =>
  and(eq(webhookDeliveries.tenantId, tenantId), eq(webhookDeliveries.webhookId, webhookId));

/** Newest first. */
export async function listDeliveries(
  tx: Tx,
  tenantId: string,
  webhookId: string,
  page: { limit: number; offset: number },
): Promise<{ rows: DeliveryRow[]; total: number }> {
  const where = deliveriesOf(tenantId, webhookId);
  const rows = await tx
    .select()
    .from(webhookDeliveries)
    .where(where)
    .orderBy(desc(webhookDeliveries.createdAt), desc(webhookDeliveries.id))
    .limit(page.limit)
    .offset(page.offset);
  const [all] = await tx.select({ n: count() }).from(webhookDeliveries).where(where);
  return { rows, total: all?.n ?? 0 };
}

export async function findDelivery(
  tx: Tx,
  tenantId: string,
  webhookId: string,
  id: string,
): Promise<DeliveryRow | null> {
  const [row] = await tx
    .select()
    .from(webhookDeliveries)
    .where(and(deliveriesOf(tenantId, webhookId), eq(webhookDeliveries.id, id)));
  return row ?? null;
}

/** A moment by the database's clock. */
export const inMs = (ms: number) => sql<Date>`now() + ${ms} * interval '1 ms'`;

export async function insertDelivery(
  tx: Tx,
  row: Omit<typeof webhookDeliveries.$inferInsert, "leaseUntil"> & { leaseUntil?: SQL<Date> },
): Promise<void> {
  await tx.insert(webhookDeliveries).values(row);
}

/** Lines a finished message up once more, from its first attempt on. @returns false when it is under way */
export async function queueAgain(tx: Tx, tenantId: string, id: string): Promise<boolean> {
  const rows = await tx
    .update(webhookDeliveries)
    .set({
      state: "pending",
      attempts: 0,
      nextAttemptAt: sql`now()`,
      queuedAt: sql`now()`,
      finishedAt: null,
      holder: null,
      leaseUntil: null,
    })
    .where(
      and(
        eq(webhookDeliveries.tenantId, tenantId),
        eq(webhookDeliveries.id, id),
        inArray(webhookDeliveries.state, ["delivered", "failed"]),
      ),
    )
    .returning({ id: webhookDeliveries.id });
  return rows.length > 0;
}

// ---------------------------------------------------------------- putting together

/** What is told together: the same kind of thing, about one auth client, for one reason. */
const GROUP = sql`concat_ws(' ', ${webhookEvents.event}, ${webhookEvents.authClientId}, ${webhookEvents.code})`;

/**
 * What waits to be told of a group, and what was told of it lately; nobody else looks at the group until the transaction ends.
 *
 * @returns null when somebody else does already, or nothing waits
 */
export async function lookAtGroup(
  tx: Tx,
  group: { tenantId: string; webhookId: string; groupKey: string },
  windowMs: number,
): Promise<{ firstMs: number; told: number; lastMs: number | null; nowMs: number } | null> {
  const { tenantId, webhookId, groupKey } = group;
  const [lock] = await tx.execute<{ mine: boolean }>(
    sql`select pg_try_advisory_xact_lock(hashtextextended(${`webhook ${webhookId} ${groupKey}`}, 0)) as mine`,
  );
  if (!lock?.mine) return null;
  const [waiting] = await tx
    .select({
      firstMs: sql<number | null>`(extract(epoch from min(${webhookEvents.at})) * 1000)::float8`,
      nowMs: sql<number>`(extract(epoch from now()) * 1000)::float8`,
    })
    .from(webhookEvents)
    .where(ofGroup(group));
  if (!waiting || waiting.firstMs === null) return null;
  const [told] = await tx
    .select({
      n: count(),
      lastMs: sql<number | null>`(extract(epoch from max(${webhookDeliveries.createdAt})) * 1000)::float8`,
    })
    .from(webhookDeliveries)
    .where(
      and(
        deliveriesOf(tenantId, webhookId),
        eq(webhookDeliveries.groupKey, groupKey),
        gt(webhookDeliveries.createdAt, sql`now() - ${windowMs} * interval '1 ms'`),
      ),
    );
  return { firstMs: waiting.firstMs, nowMs: waiting.nowMs, told: told?.n ?? 0, lastMs: told?.lastMs ?? null };
}

/** Takes out what waits of a group, the oldest first. */
export async function takeGroup(
  tx: Tx,
  group: { tenantId: string; webhookId: string; groupKey: string },
): Promise<(Happening & { event: string })[]> {
  const rows = await tx.delete(webhookEvents).where(ofGroup(group)).returning();
  return rows.sort((a, b) => a.id - b.id);
}

const ofGroup = ({ tenantId, webhookId, groupKey }: { tenantId: string; webhookId: string; groupKey: string }) =>
  and(eq(webhookEvents.tenantId, tenantId), eq(webhookEvents.webhookId, webhookId), sql`${GROUP} = ${groupKey}`);
