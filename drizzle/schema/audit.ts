import { bigint, index, integer, jsonb, pgTable, primaryKey, text } from "drizzle-orm/pg-core";
import { moment, tenantId } from "./columns";

/**
 * Append-only: the application's role has INSERT and SELECT, nothing else (AU-3). Partitioned by month of `at`, which is why
 * `at` is in the key; the months live in the schema latchkey_audit (drizzle/migrations/0002_audit_by_month.sql).
 */
export const auditEntries = pgTable(
  "audit_entries",
  {
    tenantId: tenantId(),
    id: bigint("id", { mode: "number" }).generatedAlwaysAsIdentity(),
    at: moment("at").notNull().defaultNow(),
    /** user, task, anonymous or system. */
    actorKind: text("actor_kind").notNull(),
    actorId: text("actor_id"),
    actorName: text("actor_name"),
    /** session, api-key, refresher, command. */
    via: text("via").notNull(),
    credentialId: text("credential_id"),
    action: text("action").notNull(),
    /** allowed, denied or failed. */
    outcome: text("outcome").notNull(),
    workspaceId: text("workspace_id"),
    targetType: text("target_type"),
    targetId: text("target_id"),
    targetName: text("target_name"),
    generation: integer("generation"),
    host: text("host"),
    requestId: text("request_id"),
    /** The caller's own x-request-id: flow, step and message of a running integration. */
    purpose: text("purpose"),
    ip: text("ip"),
    userAgent: text("user_agent"),
    detail: jsonb("detail").$type<Record<string, unknown>>(),
  },
  (t) => [
    primaryKey({ columns: [t.tenantId, t.id, t.at] }),
    index("audit_workspace").on(t.tenantId, t.workspaceId, t.id),
    index("audit_target").on(t.tenantId, t.targetId, t.id),
  ],
);
