import type postgres from "postgres";
import { expect, vi } from "vitest";

/**
 * Locks a table against everybody, so that whoever needs it waits.
 *
 * @returns ends the lock; call it also when the test fails
 */
export async function lockTable(owner: postgres.Sql, table: string): Promise<() => Promise<void>> {
  let release = () => {};
  const over = new Promise<void>((resolve) => {
    release = resolve;
  });
  let locked = () => {};
  const isLocked = new Promise<void>((resolve) => {
    locked = resolve;
  });
  const held = owner.begin(async (sql) => {
    await sql`lock table ${sql(table)} in access exclusive mode`;
    locked();
    await over;
  });
  await Promise.race([isLocked, held]);
  return async () => {
    release();
    await held;
  };
}

/** Resolves when a statement in this database waits for a lock that another holds. */
export async function untilSomebodyWaits(owner: postgres.Sql): Promise<void> {
  await vi.waitFor(
    async () => {
      const waiting = await owner`
        select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
      expect(waiting.length).toBeGreaterThan(0);
    },
    { timeout: 15_000 },
  );
}
