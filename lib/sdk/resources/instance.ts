import type { Resource } from "../client";

/** The instance, for its operator. */

/** How the instance is set up, for its operator. Holds no secret value. */
export type Instance = Resource<
  "instance",
  {
    version: string;
    node_version: string;
    started_at: string;
    role: "all" | "web" | "worker";
    url: string;
    https: boolean;
    database: { kind: "embedded" | "external"; version: string; connections: number };
    egress_allow: string[];
    egress_allow_since: string | null;
    trusted_proxies: string[];
    /** The first wraps, all open. */
    master_key_ids: string[];
    audit: { retention_days: number; since: string | null };
    refresh_lead_s: number;
    metrics_protected: boolean;
    log_level: string;
    /** LATCHKEY_BOOTSTRAP_* are still set although the first account exists. */
    bootstrap_settings_left: boolean;
  }
>;

/** A master key by its id; its value is nowhere to be had. */
export type MasterKey = Resource<
  "master-key",
  {
    /**
     * current: every living process wraps with it. in_use: it still wraps. prepared: it never wrapped anything. done: it wrapped
     * and wraps nothing any more.
     */
    state: "current" | "in_use" | "prepared" | "done";
    /** Tenant keys it wraps. */
    tenant_keys: number;
    /** How many living processes have it. */
    processes: number;
  }
>;

/** Where the rotation of the master key stands. */
export interface RotationMeta {
  next: "none" | "spread" | "align" | "promote" | "wait" | "remove";
  tenant_keys: number;
  processes: {
    host: string;
    pid: number;
    role: "all" | "web" | "worker";
    /** The setting its keys come from. */
    source: string;
    /** The first wraps, all open. */
    master_key_ids: string[];
  }[];
}
