import type { AuditRow } from "@/lib/audit/store";
import type { Resource } from "@/lib/http/json-api";

export function toActivity(row: AuditRow): Resource {
  return {
    id: String(row.id),
    type: "activity",
    attributes: {
      at: row.at.toISOString(),
      actor: { kind: row.actorKind, id: row.actorId, name: row.actorName },
      action: row.action,
      outcome: row.outcome,
      target: row.targetType === null ? null : { type: row.targetType, id: row.targetId, name: row.targetName },
      via: row.via,
      request_id: row.requestId,
      purpose: row.purpose,
      generation: row.generation,
      host: row.host,
      detail: row.detail,
      source: row.ip,
      user_agent: row.userAgent,
    },
  };
}
