import { INSTANCE_TENANT } from "@/lib/access/scope";
import type { Resource } from "@/lib/http/json-api";
import type { MasterKeyStanding, Rotation } from "./rotation";
import type { Instance } from "./service";

/** Names each member: a setting that is added later does not show here by itself. */
export function toInstance(it: Instance): Resource {
  const { settings } = it;
  return {
    id: INSTANCE_TENANT,
    type: "instance",
    attributes: {
      version: it.version,
      node_version: it.node,
      started_at: it.startedAt.toISOString(),
      role: settings.role,
      url: settings.url,
      https: settings.secure,
      database: {
        kind: settings.databaseUrl ? "external" : "embedded",
        version: it.database.version,
        connections: settings.dbPool,
      },
      egress_allow: [...settings.egressAllow],
      egress_allow_since: it.egressSince?.toISOString() ?? null,
      trusted_proxies: [...settings.trustedProxies],
      master_key_ids: it.keyIds,
      audit: { retention_days: settings.auditRetentionDays, since: it.database.auditSince?.toISOString() ?? null },
      refresh_lead_s: settings.refreshLeadS,
      metrics_protected: settings.metricsToken !== undefined,
      log_level: settings.logLevel,
      // The first account exists, or nobody could ask: what is left of its settings only waits to be read by somebody.
      bootstrap_settings_left: settings.bootstrap !== undefined,
    },
    links: { self: "/v2/instance" },
  };
}

export function toMasterKey(key: MasterKeyStanding): Resource {
  return {
    id: key.id,
    type: "master-key",
    attributes: { state: key.state, tenant_keys: key.tenantKeys, processes: key.holders },
  };
}

/** What goes with the list of master keys: where their rotation stands, and which process has which. */
export function toRotationMeta(it: Rotation): Record<string, unknown> {
  return {
    next: it.next,
    tenant_keys: it.tenantKeys,
    processes: it.holders.map(({ host, pid, role, source, kekIds }) => ({
      host,
      pid,
      role,
      source,
      master_key_ids: kekIds,
    })),
  };
}
