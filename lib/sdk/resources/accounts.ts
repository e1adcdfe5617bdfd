import type { One, Resource } from "../client";
import type { RevealPolicy } from "./secrets";

/** Places, people, their keys, and what they did. */

export type Workspace = Resource<
  "workspace",
  { name: string; redirect_code?: string | null; created_at?: string },
  { contract?: One<"contract">; tenant?: One<"tenant"> }
>;
export type Contract = Resource<"contract", { name: string }, { tenant?: One<"tenant"> }>;
export type Tenant = Resource<"tenant", { name: string; reveal: RevealPolicy }>;
export type User = Resource<"user", { first_name: string; last_name: string; email: string }>;

/** A person with the roles in the tenant that was asked for; none when everybody was. */
export type Person = Resource<
  "user",
  User["attributes"] & {
    registered?: string | null;
    last_login?: string | null;
    roles: { role: string; scope: string; id: string }[];
  }
>;

export type ApiKey = Resource<
  "api-key",
  {
    name: string;
    /** Only in the answer to its creation. */
    key?: string;
    /** The recognisable beginning of the key. */
    prefix?: string | null;
    /** Null: all that the person may do. */
    permissions?: string[] | null;
    /** Ids of the only workspaces it reaches; null: all of the person's. */
    workspaces?: string[] | null;
    /** IP addresses and ranges it works from; null: anywhere. */
    allowed_addresses?: string[] | null;
    created_at?: string;
    expires_at?: string | null;
    last_used_at?: string | null;
  }
>;

export type TaskIdentity = Resource<
  "task-identity",
  {
    name: string;
    username: string;
    /** Only in the answer to its creation. */
    api_key?: string;
    permissions?: string[];
    /** IP addresses and ranges it works from; null: anywhere. */
    allowed_addresses?: string[] | null;
    created_at?: string;
    expires_at?: string | null;
    last_used_at?: string | null;
  }
>;

export type Session = Resource<
  "session",
  {
    /** This very session. */
    current?: boolean;
    created_at?: string;
    last_used_at?: string | null;
    expires_at?: string | null;
    ip?: string | null;
    source?: string | null;
    user_agent?: string | null;
  }
>;

export type Activity = Resource<
  "activity",
  {
    at: string;
    actor: { kind: string; id: string | null; name: string | null } | null;
    /** Such as `secret.reveal`. */
    action: string;
    outcome: string;
    target: { type: string; id: string | null; name: string | null } | null;
    via: string | null;
    request_id: string | null;
    /** Where a request went or will go, when the entry is about one. */
    host: string | null;
    detail: string | Record<string, unknown> | null;
    source: string | null;
  }
>;
