import { sql } from "drizzle-orm";
import { boolean, index, integer, pgTable, primaryKey, text, uniqueIndex } from "drizzle-orm/pg-core";
import { createdAt, moment, tenantId } from "./columns";

/** Somebody else's program behind a proxy that asks here before it lets a request through (lib/secret-use/inbound-guard.ts). */
export const endpoints = pgTable(
  "endpoints",
  {
    tenantId: tenantId(),
    id: text("id").notNull(),
    workspaceId: text("workspace_id").notNull(),
    name: text("name").notNull(),
    /** Normalised name: unique in the workspace without regard to case. */
    nameKey: text("name_key").notNull(),
    /** Everybody may pass, whatever they bring. */
    openAccess: boolean("open_access").notNull().default(false),
    /** The secrets that open it. One that was deleted stays named here: it opens nothing, and people are told. */
    secretIds: text("secret_ids").array().notNull().default(sql`'{}'`),
    /** What a token must have, each a whole word. */
    scopes: text("scopes").array().notNull().default(sql`'{}'`),
    /** What a token must say; null: as its secret has it. */
    issuer: text("issuer"),
    audience: text("audience"),
    createdAt: createdAt(),
    updatedAt: moment("updated_at").notNull().defaultNow(),
  },
  (t) => [
    primaryKey({ columns: [t.tenantId, t.id] }),
    uniqueIndex("endpoints_name").on(t.tenantId, t.workspaceId, t.nameKey),
    // The proxy's question names nothing else.
    index("endpoints_id").on(t.id),
  ],
);

/** What was asked lately: like checks of a minute are one row. The newest of each endpoint are kept. */
export const endpointChecks = pgTable(
  "endpoint_checks",
  {
    tenantId: tenantId(),
    endpointId: text("endpoint_id").notNull(),
    id: text("id").notNull(),
    /** opened, refused or failed. */
    outcome: text("outcome").notNull(),
    /** A sentence; null where a secret opened it. */
    reason: text("reason"),
    secretId: text("secret_id"),
    secretName: text("secret_name"),
    /** Null: not known, or one of too many to tell apart. */
    address: text("address"),
    count: integer("count").notNull(),
    firstAt: moment("first_at").notNull(),
    lastAt: moment("last_at").notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.tenantId, t.id] }),
    index("endpoint_checks_newest").on(t.tenantId, t.endpointId, t.lastAt),
  ],
);
