import type { RevealPolicy } from "@/lib/access/reveal-policy";
import type { Problem } from "@/lib/errors";
import type { StateFacts } from "./state";

/** What the database knows of a secret, as one row. Times are ms by the database's clock. */

/** What handing out a token needs (`token_rows`). */
export interface TokenRow extends StateFacts {
  tenantId: string;
  id: string;
  workspaceId: string;
  authClientTenantId: string | null;
  authClientId: string | null;
  scope: string | null;
  tokenGeneration: number | null;
  tokenSealed: Buffer | null;
  receivedMs: number | null;
  lifetimeS: number | null;
  tokenType: string | null;
  scopeGranted: string | null;
  fingerprint: string | null;
  nextProbeMs: number | null;
}

/** What a request with a secret needs (`request_rows`). */
export interface RequestRow extends TokenRow {
  name: string;
  sealed: Buffer;
  generation: number;
  /** Where requests with it may go (allowed-hosts.ts). */
  allowedHosts: string[];
}

/** Everything about a secret (`secret_rows`). */
export interface SecretRow extends RequestRow {
  secretName: string;
  userId: string | null;
  declaredState: string | null;
  declaredError: string | null;
  updatedMs: number;
  grantId: string | null;
  issuedMs: number | null;
  hasRefreshToken: boolean;
  refreshFingerprint: string | null;
  reveal: RevealPolicy;
  /** The stricter of the secret's and its tenant's. */
  revealEffective: RevealPolicy;
}

export type Raw = Record<string, unknown>;

export function toTokenRow(raw: Raw): TokenRow {
  return {
    tenantId: raw.tenant_id as string,
    id: raw.id as string,
    workspaceId: raw.workspace_id as string,
    type: raw.type as string,
    authClientTenantId: raw.auth_client_tenant_id as string | null,
    authClientId: raw.auth_client_id as string | null,
    scope: raw.scope as string | null,
    createdMs: raw.created_ms as number,
    status: raw.status as string | null,
    tokenGeneration: raw.token_generation as number | null,
    tokenSealed: raw.token_sealed as Buffer | null,
    expiresMs: raw.expires_ms as number | null,
    receivedMs: raw.received_ms as number | null,
    lifetimeS: raw.lifetime_s as number | null,
    renewable: raw.renewable as boolean | null,
    tokenType: raw.token_type as string | null,
    scopeGranted: raw.scope_granted as string | null,
    fingerprint: raw.fingerprint as string | null,
    dueMs: raw.due_ms as number | null,
    leased: raw.leased === true,
    failures: raw.failures as number | null,
    suspect: raw.suspect === true,
    problem: raw.problem as Problem | null,
    clientProblem: raw.client_problem as Problem | null,
    nextProbeMs: raw.next_probe_ms as number | null,
    nowMs: raw.now_ms as number,
  };
}

export function toRequestRow(raw: Raw): RequestRow {
  return Object.assign(toTokenRow(raw), {
    name: raw.name as string,
    sealed: raw.sealed as Buffer,
    generation: raw.generation as number,
    allowedHosts: raw.allowed_hosts as string[],
  });
}

export function toRow(raw: Raw): SecretRow {
  return Object.assign(toTokenRow(raw), {
    name: raw.name as string,
    secretName: raw.secret_name as string,
    userId: raw.user_id as string | null,
    declaredState: raw.declared_state as string | null,
    declaredError: raw.declared_error as string | null,
    sealed: raw.sealed as Buffer,
    generation: raw.generation as number,
    updatedMs: raw.updated_ms as number,
    grantId: raw.grant_id as string | null,
    issuedMs: raw.issued_ms as number | null,
    hasRefreshToken: raw.has_refresh_token === true,
    refreshFingerprint: raw.refresh_fingerprint as string | null,
    reveal: raw.reveal as RevealPolicy,
    revealEffective: raw.reveal_effective as RevealPolicy,
    allowedHosts: raw.allowed_hosts as string[],
  });
}
