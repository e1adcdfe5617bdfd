import { sql } from "drizzle-orm";
import { type AnyPgColumn, check, customType, text, timestamp } from "drizzle-orm/pg-core";

/** Raw bytes: sealed values and wrapped keys. */
export const bytea = customType<{ data: Buffer; driverData: Buffer }>({ dataType: () => "bytea" });

export const tenantId = () => text("tenant_id").notNull();
export const moment = (name: string) => timestamp(name, { withTimezone: true, mode: "date" });
export const createdAt = () => moment("created_at").notNull().defaultNow();

/** Whether values may be shown to people (lib/access/reveal-policy.ts). */
export const reveal = () =>
  text("reveal", { enum: ["step_up", "never"] })
    .notNull()
    .default("step_up");
export const revealCheck = (name: string, column: AnyPgColumn) => check(name, sql`${column} in ('step_up', 'never')`);
