import type { FailureRecord, Landing } from "@/lib/refresher/world";

/** What the simulated tables hold, and what their statements take. */

/**
 * The statements of drizzle/refresher.sql and lib/secrets/token-store on plain objects, for thousands of simulated runs.
 * lib/testing/simulation/conformance.test.ts holds them equal to PostgreSQL. Times are ms of the database's clock.
 */
export interface StateRow {
  tenant_id: string;
  workspace_id: string;
  secret_id: string;
  auth_client_tenant_id: string;
  auth_client_id: string;
  status: "unauthorized" | "active" | "suspect" | "dead" | "paused";
  grant_id: string | null;
  generation: number;
  sealed: Buffer | null;
  expires_at: number | null;
  issued_at: number | null;
  received_at: number | null;
  lifetime_s: number | null;
  has_refresh_token: boolean;
  renewable: boolean;
  fingerprint: string | null;
  refresh_due_at: number | null;
  not_before: number | null;
  lost_generation: number | null;
  lease_holder: string | null;
  lease_until: number | null;
  fence: number;
  attempt: string | null;
  sent_at: number | null;
  outcome: "UNKNOWN" | "OK" | "REFUSED" | null;
  failures: number;
  suspect_since: number | null;
  problem: { code: string; since: number } | null;
}

export interface LedgerRow {
  tenant_id: string;
  secret_id: string;
  grant_id: string;
  token_mac: string;
  generation: number;
  sealed: Buffer;
  issued_at: number;
  received_at: number;
  attempt: string;
  standing: "current" | "predecessor" | "doubted" | "alternative" | "refused";
}

export interface ClientState {
  tenant_id: string;
  auth_client_id: string;
  broken: boolean;
  next_probe_at: number | null;
}

/** What shows that a lease is still one's own. */
export interface LeaseKey {
  tenantId: string;
  secretId: string;
  holder: string;
  fence: number;
  attempt: string;
}

export type LandingRow = Omit<Landing, "lease" | "askedAt"> & {
  key: LeaseKey;
  grantId: string;
  ageMs: number;
};

export type FailureRow = Omit<FailureRecord, "lease"> & {
  key: LeaseKey;
  grantId: string;
  generation: number;
  /** With `throttle`: what the process knows of the client's pace. */
  pace?: { authClientId: string; waitMs: number; bore: number };
};

/** A grant consented to, or tokens replaced by hand. */
export interface SavedRow {
  secretId: string;
  tenantId: string;
  grantId: string;
  parentGeneration: number;
  sealed: Buffer;
  tokenMac: string | null;
  ageMs: number;
  issuedAtMs: number | null;
  lifetimeS: number | null;
  leadMs: number;
  renewable: boolean;
  fingerprint: string;
  attempt: string;
}

export function holds(t: StateRow, key: LeaseKey): boolean {
  return t.lease_holder === key.holder && t.fence === key.fence;
}

export const UNAUTHORIZED = {
  status: "unauthorized",
  grant_id: null,
  sealed: null,
  expires_at: null,
  issued_at: null,
  received_at: null,
  lifetime_s: null,
  has_refresh_token: false,
  renewable: false,
  fingerprint: null,
  refresh_due_at: null,
  not_before: null,
  lost_generation: null,
  lease_holder: null,
  outcome: null,
  failures: 0,
  suspect_since: null,
  problem: null,
} as const;
