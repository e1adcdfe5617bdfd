import { sql } from "drizzle-orm";
import { bigint, boolean, index, integer, pgTable, primaryKey, text, uniqueIndex } from "drizzle-orm/pg-core";
import { bytea, createdAt, moment, tenantId } from "./columns";

/** Who is told of what, what waits to be told, and what was sent. What writes here by itself is in drizzle/webhooks.sql. */

export const webhooks = pgTable(
  "webhooks",
  {
    tenantId: tenantId(),
    id: text("id").notNull(),
    workspaceId: text("workspace_id").notNull(),
    name: text("name").notNull(),
    /** Normalised name: unique in the workspace without regard to case. */
    nameKey: text("name_key").notNull(),
    url: text("url").notNull(),
    events: text("events").array().notNull(),
    enabled: boolean("enabled").notNull(),
    /** Why Latchkey switched it off: gone (410) or failing (for days). Null: it did not. */
    offReason: text("off_reason"),
    offAt: moment("off_at"),
    /** A secret of the workspace that authenticates each delivery. */
    authSecretId: text("auth_secret_id"),
    /** Sealed JSON: the signing secret and, for a while, the one before. */
    sealed: bytea("sealed").notNull(),
    /** Bumped with `sealed`; part of its associated data. */
    generation: integer("generation").notNull().default(1),
    /** Until when the signing secret before this one signs, too. */
    previousUntil: moment("previous_until"),
    /** Nothing has arrived since; null: the last delivery did. */
    failingSince: moment("failing_since"),
    deliveredAt: moment("delivered_at"),
    createdBy: text("created_by").notNull(),
    createdAt: createdAt(),
    updatedAt: moment("updated_at").notNull().defaultNow(),
  },
  (t) => [
    primaryKey({ columns: [t.tenantId, t.id] }),
    uniqueIndex("webhooks_name").on(t.tenantId, t.workspaceId, t.nameKey),
  ],
);

/** A secret's trouble that somebody is told of: told once, and followed by a word when it is over. */
export const webhookMarks = pgTable(
  "webhook_marks",
  {
    tenantId: tenantId(),
    secretId: text("secret_id").notNull(),
    event: text("event").notNull(),
    since: moment("since").notNull().defaultNow(),
  },
  (t) => [primaryKey({ columns: [t.tenantId, t.secretId, t.event] })],
);

/** What happened and is not told yet: written by triggers in the transaction in which it happened, one row for each webhook. */
export const webhookEvents = pgTable(
  "webhook_events",
  {
    tenantId: tenantId(),
    webhookId: text("webhook_id").notNull(),
    id: bigint("id", { mode: "number" }).generatedAlwaysAsIdentity(),
    event: text("event").notNull(),
    secretId: text("secret_id"),
    secretName: text("secret_name"),
    authClientId: text("auth_client_id"),
    authClientName: text("auth_client_name"),
    /** A problem's code. */
    code: text("code"),
    /** Of an auth client: how many secrets of the workspace use it. */
    secrets: integer("secrets"),
    at: moment("at").notNull().defaultNow(),
  },
  (t) => [primaryKey({ columns: [t.tenantId, t.webhookId, t.id] })],
);

/** Messages and what became of them. */
export const webhookDeliveries = pgTable(
  "webhook_deliveries",
  {
    tenantId: tenantId(),
    /** Ends the header `webhook-id`, the same at every attempt. */
    id: text("id").notNull(),
    webhookId: text("webhook_id").notNull(),
    workspaceId: text("workspace_id").notNull(),
    event: text("event").notNull(),
    /** What is told together: event, auth client and code. */
    groupKey: text("group_key").notNull(),
    /** The bytes that are signed and sent, at every attempt the same. */
    body: text("body").notNull(),
    /** How many secrets it tells of. */
    count: integer("count").notNull(),
    /** pending, delivered or failed. */
    state: text("state").notNull().default("pending"),
    attempts: integer("attempts").notNull().default(0),
    nextAttemptAt: moment("next_attempt_at").notNull().defaultNow(),
    holder: text("holder"),
    leaseUntil: moment("lease_until"),
    createdAt: createdAt(),
    /** When it was made, or asked for again: attempts go on for about a day from then. */
    queuedAt: moment("queued_at").notNull().defaultNow(),
    finishedAt: moment("finished_at"),
    /** Of the last attempt. */
    status: integer("status"),
    durationMs: integer("duration_ms"),
    error: text("error"),
    attemptedAt: moment("attempted_at"),
  },
  (t) => [
    primaryKey({ columns: [t.tenantId, t.id] }),
    index("webhook_deliveries_webhook").on(t.tenantId, t.webhookId, t.createdAt),
    index("webhook_deliveries_due").on(t.nextAttemptAt).where(sql`state = 'pending'`),
    index("webhook_deliveries_finished").on(t.finishedAt).where(sql`state <> 'pending'`),
  ],
);
