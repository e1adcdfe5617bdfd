import type { OAuthClient } from "@/lib/auth-clients/client";
import type { Clock } from "@/lib/clock";
import type { Sensitive } from "@/lib/crypto/sensitive";
import type { Problem } from "@/lib/errors";
import type { Held, OwnRequest } from "@/lib/oauth/grants/grant";
import type { TokenAnswer } from "@/lib/oauth/token-endpoint";
import type { StoredTokens } from "@/lib/oauth/token-set";

/**
 * Everything the protocol touches, as arguments: time, randomness, rows, network, auth clients. The same protocol code runs
 * on PostgreSQL and, unchanged, in the deterministic simulation (FAULTS C13, C14). Types only.
 */
export interface World {
  clock: Clock;
  /** 0 to 1. */
  random(): number;
  rows: Rows;
  provider: Provider;
  clients: Clients;
  vault: Vault;
  leadS: number;
  report(event: RefreshEvent): void;
  /** The row store failed while an answer was in memory; it is tried again. */
  reportStoreTrouble(error: unknown): void;
  /** Work that outlives its caller; awaited at shutdown. */
  background(work: Promise<void>): void;
  /** Runs `work` once, after everything that is ready now. */
  soon(work: () => void): void;
  /** Calls `changed` for every change of the secret, by whichever process, until the returned function is called. A hint only. */
  onChange(secretId: string, changed: () => void): () => void;
}

/** One secret, leased to this process until its heartbeat stops. */
export interface Lease {
  tenantId: string;
  workspaceId: string;
  secretId: string;
  authClientTenantId: string;
  authClientId: string;
  status: "active" | "suspect";
  grantId: string;
  generation: number;
  /** Null: no token was ever obtained, or it was given up. */
  sealed: Buffer | null;
  fence: number;
  /** Names this attempt everywhere: guard, ledger, answers. */
  attempt: string;
  failures: number;
  /** The last generation whose presentation got no understood answer. */
  lostGeneration: number | null;
  /** ms ago, by the database's clock, that the provider first refused; null when it did not. */
  suspectForMs: number | null;
  /** ms until the access token expires, by the database's clock at acquire; null: no expiry. */
  validForMs: number | null;
  /** The one attempt a broken client is allowed now and then. */
  probing: boolean;
  /** A caller asked for it; absent when it was due. */
  demanded?: boolean;
  /** Monotonic moment until which the lease lasts for certain; every heartbeat moves it. */
  heldUntil: number;
}

export interface Landing {
  lease: Lease;
  /** The generation this answer follows: the lease's, or the current one when a late answer is promoted. */
  parentGeneration: number;
  /** Sealed for `parentGeneration` + 1. */
  sealed: Buffer;
  /** Keyed hash of the refresh token; null when there is none. */
  tokenMac: string | null;
  previousMac: string | null;
  /** The token set it replaces is no ancestor of this one but another answer to the same presentation. */
  sibling: boolean;
  /** By the provider's clock; null when it does not say. */
  issuedAtMs: number | null;
  /** Monotonic moment of asking; the store turns it into an age. */
  askedAt: number;
  lifetimeS: number | null;
  leadMs: number;
  renewable: boolean;
  hasRefreshToken: boolean;
  tokenType: string;
  scope: string | null;
  fingerprint: string;
  refreshFingerprint: string | null;
  durationMs: number;
  actor: string | null;
}

export type Verdict =
  | { kind: "landed" }
  /** Same grant, but the generation had moved: the answer lies in the ledger as an alternative. */
  | {
      kind: "moved";
      generation: number;
      issuedAtMs: number | null;
      /** When this answer was issued; where the provider does not say, when it was asked for, by the row store's clock. */
      ownIssuedAtMs: number;
      /** The current refresh token is the one that was presented for this answer: somebody edited around it. */
      successor: boolean;
    }
  /** Reconnected or deleted meanwhile: the answer belongs to nobody. */
  | { kind: "foreign" };

export interface FailureRecord {
  lease: Lease;
  status: "active" | "suspect" | "dead" | "paused";
  /** Until the next attempt; null: none by itself; "keep": the due time stays (the client waits, not the secret). */
  delayMs: number | null | "keep";
  counts: boolean;
  /** Requests the attempt made: each counts towards the effort of this expiry, and an attempt that made none counts as one. */
  calls: number;
  unknown: boolean;
  suspect: boolean;
  /** The provider asked for patience: the row keeps its due time and rests, and so does its client for as long as told. `askedAt`: monotonic moment of asking. */
  throttle?: { retryAfterMs: number | null; askedAt: number };
  problem: Omit<Problem, "since"> | null;
  event: "refresh_failed" | "reauthorization_needed";
  eventCode: string;
  eventDetail: string;
  durationMs: number;
  actor: string | null;
}

export interface Alternative {
  tokenMac: string;
  generation: number;
  sealed: Buffer;
}

export interface Rows {
  claim(limit: number, excluded: readonly string[]): Promise<Lease[]>;
  claimProbes(): Promise<Lease[]>;
  acquire(target: { tenantId: string; secretId: string }, want: Want): Promise<Lease | null>;
  /** True: the intent is durable and the lease lasts GUARD_MS from before this call. */
  guard(lease: Lease): Promise<boolean>;
  land(landing: Landing): Promise<Verdict>;
  fail(record: FailureRecord): Promise<boolean>;
  release(lease: Lease): Promise<void>;
  alternatives(lease: Lease, includePredecessor: boolean): Promise<Alternative[]>;
  markRefused(lease: Lease, tokenMac: string): Promise<void>;
  /** Keeps the lease alive until `drop`. */
  hold(lease: Lease): void;
  drop(lease: Lease): void;
}

/** Why a caller wants a refresh before its time. */
export interface Want {
  validityMs: number;
  /** This generation was refused by the API it is for, or a person asked to replace it. */
  generation: number | null;
  insist: boolean;
}

export interface Provider {
  /** `mayStillSend` is asked in the turn in which the request is written, which may be long after the call. */
  renew(client: OAuthClient, held: Held, mayStillSend: () => boolean): Promise<TokenAnswer>;
  renewable(client: OAuthClient, tokens: StoredTokens): boolean;
  /** Best effort, for an answer that belongs to nobody any more. */
  revoke(client: OAuthClient, tokens: StoredTokens, tenantId: string): Promise<void>;
  host(client: OAuthClient): string;
  /** What people read when a refusal of this client's grant is believed, and what mends it. */
  refusal(client: OAuthClient): { title: string; cure: string };
}

export interface Clients {
  open(tenantId: string, id: string): Promise<OAuthClient | null>;
  noteProblem(client: OAuthClient, problem: Problem, probeAfterMs: number): Promise<void>;
  noteOk(client: OAuthClient, authMethod: string): Promise<void>;
}

export interface Vault {
  /**
   * What the secret itself says in a token request; null where a refresh token says all.
   *
   * @throws AppError integrity_failure
   */
  own(lease: Lease, client: OAuthClient): Promise<OwnRequest | null>;
  open(lease: Lease, generation: number, sealed: Buffer): Promise<StoredTokens>;
  seal(lease: Lease, generation: number, tokens: StoredTokens): Promise<Buffer>;
  tokenMac(refreshToken: Sensitive<string>): string;
  fingerprint(tenantId: string, token: Sensitive<string>): string;
}

export interface RefreshEvent {
  lease: Lease;
  host: string | null;
  outcome: "landed" | "late" | "moved" | "foreign" | "superseded" | "released" | FailureOutcome;
  durationMs: number;
  code?: string;
}
export type FailureOutcome =
  | "not_sent"
  | "unknown"
  | "throttled"
  | "refused"
  | "dead"
  | "client"
  | "config"
  | "integrity"
  | "deadline";

/** What became of one attempt, for those who wait for it. */
export type Outcome =
  | { kind: "landed" }
  /** The row moved on without us; read it again. */
  | { kind: "superseded" }
  | { kind: "failed"; code: string; detail: string };
