import { customType, text, timestamp } from "drizzle-orm/pg-core";

/** Raw bytes: sealed values and wrapped keys. */
export const bytea = customType<{ data: Buffer; driverData: Buffer }>({ dataType: () => "bytea" });

export const tenantId = () => text("tenant_id").notNull();
export const moment = (name: string) => timestamp(name, { withTimezone: true, mode: "date" });
export const createdAt = () => moment("created_at").notNull().defaultNow();
