import { bigint, integer, pgTable, primaryKey, text } from "drizzle-orm/pg-core";
import { bytea, createdAt, moment, tenantId } from "./columns";

/** One versioned key per tenant, wrapped by the master key (CRY-1). Deleting a row shreds all that its version sealed. */
export const tenantKeys = pgTable(
  "tenant_keys",
  {
    tenantId: tenantId(),
    version: integer("version").notNull(),
    /** Hex. */
    kekId: text("kek_id").notNull(),
    wrapped: bytea("wrapped").notNull(),
    /** Data keys wrapped so far, reserved in blocks (CRY-5). */
    wraps: bigint("wraps", { mode: "number" }).notNull().default(0),
    createdAt: createdAt(),
  },
  (t) => [primaryKey({ columns: [t.tenantId, t.version] })],
);

/** Values of the instance, sealed under the instance tenant's key: the key of all keyed hashes, and the check that the master key is right. */
export const instanceValues = pgTable(
  "instance_values",
  { tenantId: tenantId(), name: text("name").notNull(), sealed: bytea("sealed").notNull(), createdAt: createdAt() },
  (t) => [primaryKey({ columns: [t.tenantId, t.name] })],
);

/** Which master keys each process has: a wrap is made only with one that all living processes have (drizzle/keys.sql, CRY-6). */
export const keyHolders = pgTable(
  "key_holders",
  {
    tenantId: tenantId(),
    /** Made anew by every start of a process. */
    id: text("id").notNull(),
    host: text("host").notNull(),
    pid: integer("pid").notNull(),
    role: text("role").notNull(),
    /** The setting the keys came from. */
    source: text("source").notNull(),
    /** Hex; the one that wraps first. */
    kekIds: text("kek_ids").array().notNull(),
    seenAt: moment("seen_at").notNull().defaultNow(),
  },
  (t) => [primaryKey({ columns: [t.tenantId, t.id] })],
);

/** Master keys that wrapped something once: what tells one that is prepared from one that is done with. */
export const masterKeys = pgTable(
  "master_keys",
  {
    tenantId: tenantId(),
    kekId: text("kek_id").notNull(),
    firstUsedAt: moment("first_used_at").notNull().defaultNow(),
  },
  (t) => [primaryKey({ columns: [t.tenantId, t.kekId] })],
);
