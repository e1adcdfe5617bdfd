import type { Problem } from "@/lib/errors";
import type { Resource } from "../client";

/** What comes of using a secret. */

/** Why a token is older than asked for, while it still serves. */
export interface RefreshTrouble {
  outcome: "failed" | "slow" | "paused" | "too_short";
  code: string | null;
  detail: string | null;
  next_attempt_at: string | null;
}

export type Token = Resource<
  "token",
  {
    access_token: string;
    token_type: string;
    expires_at: string | null;
    /** Seconds; null means no expiry. */
    valid_for: number | null;
    generation: number;
    fingerprint: string;
    scope: string | null;
  }
>;

export type Authorization = Resource<"authorization", { url: string; redirect_uri: string; expires_at: string }>;
export type RevealedValue = Resource<"value", { field: string; value: string }>;
export type SignedJwt = Resource<"jwt", { token: string; alg: string; kid: string | null; expires_at: string }>;
export type SignedPayload = Resource<"jws", { token: string; alg: string; kid: string | null }>;
export type VerifiedPayload = Resource<"payload", { payload: string; alg: string; kid: string | null }>;
export type JwtClaims = Resource<
  "claims",
  { claims: Record<string, unknown> & { iat?: number; exp?: number }; alg: string; kid: string | null }
>;
export type Jwe = Resource<"jwe", { token: string; kid: string | null }>;
export type Plaintext = Resource<"plaintext", { plaintext: string; kid: string | null }>;
/** What came back of a request that Latchkey made; the secret's value is masked in it. */
export type HttpAnswer = Resource<
  "response",
  {
    status: number;
    headers: Record<string, string>;
    /** One of the two: the second where it is no text. */
    body?: string;
    body_base64?: string;
    duration_ms: number;
    /** 2: a refused token was renewed in between. */
    tries: number;
    /** How often the secret's value was found and covered. */
    masked: number;
  }
>;

export type SqlRows = Resource<
  "sql-result",
  {
    rows: unknown[][];
    columns: { name: string; type: string }[];
    row_count: number;
    truncated: boolean;
    affected: number | null;
    duration_ms: number;
  }
>;

/** A login that worked: what the server says it is. */
export type ConnectionTest = Resource<"connection-test", { server: string; tls: boolean; duration_ms: number }>;

/** One HTTP request and its answer, values masked; `response` is null where none came. */
export interface MaskedExchange {
  request: { method: string; url: string; headers: Record<string, string>; body: string };
  response: { status: number; headers: Record<string, string>; body: string } | null;
}

/** A token request as it was sent and answered: twice where the way to prove the client had to be found out. */
export type TokenTest = Resource<
  "token-test",
  {
    /** `token`: it is kept. */
    outcome: "token" | "refused" | "no_answer";
    detail: string;
    problem: Problem | null;
    expires_at: string | null;
    exchanges: MaskedExchange[];
    duration_ms: number;
  }
>;
