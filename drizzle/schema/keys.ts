import { bigint, integer, pgTable, primaryKey, text } from "drizzle-orm/pg-core";
import { bytea, createdAt, tenantId } from "./columns";

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
