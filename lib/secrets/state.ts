import type { Problem } from "@/lib/errors";

/** What a secret's row means to people and steps: API.md's `status`, the contract's `state`, the `problem`. Pure. Core. */

export type SecretStatus =
  | "unauthorized"
  | "fresh"
  | "refreshing"
  | "retrying"
  | "reauthorization_needed"
  | "paused"
  | "static";

/** The part of a row that decides. Times in ms by the database's clock. */
export interface StateFacts {
  type: string;
  /** Of token_state; null when the type keeps no tokens. */
  status: string | null;
  renewable: boolean | null;
  leased: boolean;
  failures: number | null;
  suspect: boolean;
  expiresMs: number | null;
  dueMs: number | null;
  createdMs: number;
  nowMs: number;
  problem: Problem | null;
  clientProblem: Problem | null;
}

export function statusOf(row: StateFacts): SecretStatus {
  if (row.type !== "oauth2") return "static";
  if (row.status === null || row.status === "unauthorized") return "unauthorized";
  if (row.status === "dead") return "reauthorization_needed";
  if (row.status === "paused" || (row.clientProblem && row.renewable)) return "paused";
  if (!row.renewable) return isExpired(row) ? "reauthorization_needed" : "fresh";
  if (row.leased) return "refreshing";
  if (row.suspect || (row.failures ?? 0) > 0) return "retrying";
  return row.dueMs !== null && row.dueMs <= row.nowMs ? "refreshing" : "fresh";
}

/** `error` for what waits for a person, else `ready` (API.md "Auth secret: more attributes"). */
export function stateOf(status: SecretStatus): "ready" | "error" {
  return status === "unauthorized" || status === "reauthorization_needed" || status === "paused" ? "error" : "ready";
}

export function isExpired(row: Pick<StateFacts, "expiresMs" | "nowMs">): boolean {
  return row.expiresMs !== null && row.expiresMs <= row.nowMs;
}

/** Why it is not simply working; null when it is. */
export function problemOf(row: StateFacts): Problem | null {
  const status = statusOf(row);
  if (status === "unauthorized")
    return {
      code: "unauthorized",
      title: "Nobody has granted access yet",
      detail: "Request an access token: someone with an account at the provider signs in there and allows it.",
      who: "you",
      since: new Date(row.createdMs).toISOString(),
    };
  if (status === "paused") return row.status === "paused" ? row.problem : row.clientProblem;
  if (status === "reauthorization_needed" && row.status !== "dead")
    return {
      code: "unauthorized",
      title: "The access token has expired",
      detail:
        "The provider gave no refresh token, so it cannot be renewed without a person. Request a new access token, with offline_access, access_type=offline or prompt=consent where the provider asks for it.",
      who: "you",
      since: new Date(row.expiresMs ?? row.nowMs).toISOString(),
    };
  return row.problem;
}

/** True when a person must do something before tokens are renewed again. */
export function needsPerson(status: SecretStatus): boolean {
  return stateOf(status) === "error";
}
