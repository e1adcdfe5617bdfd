import { randomBytes } from "node:crypto";
import { type Kek, kekFromBytes } from "@/lib/crypto/keks";
import type { TenantKeyRow, TenantKeyStore } from "@/lib/crypto/keyring";

/** A `TenantKeyStore` in memory, for tests of what lies above the keyring. Every call waits a turn, as a database would. */
export class MemoryTenantKeys implements TenantKeyStore {
  readonly rows = new Map<string, TenantKeyRow[]>();
  readonly wraps = new Map<string, number>();
  loads = 0;

  async load(tenantId: string): Promise<TenantKeyRow[]> {
    this.loads += 1;
    await turn();
    return [...(this.rows.get(tenantId) ?? [])];
  }

  /** What some other process is thought to lack. */
  readonly unknownElsewhere = new Set<string>();

  async insert(tenantId: string, row: TenantKeyRow): Promise<boolean> {
    await turn();
    if (this.unknownElsewhere.has(row.kekId)) return false;
    const rows = this.rows.get(tenantId) ?? [];
    if (!rows.some(({ version }) => version === row.version)) this.rows.set(tenantId, [...rows, row]);
    return true;
  }

  async reserveWraps(tenantId: string, version: number, count: number): Promise<number> {
    await turn();
    const name = `${tenantId}/${version}`;
    const total = (this.wraps.get(name) ?? 0) + count;
    this.wraps.set(name, total);
    return total;
  }
}

/** A random key-encryption key. */
export function testKek(): Kek {
  return kekFromBytes(randomBytes(32));
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
