import type { Caller } from "@/lib/access/caller";
import { permit } from "@/lib/access/permit";
import { resolveWorkspace } from "@/lib/accounts/places";
import { type AuditRow, listAudit } from "@/lib/audit/store";
import { inTenant } from "@/lib/db/tx";

/** What happened in the workspace, newest first. @throws AppError not_found, forbidden */
export async function listActivity(
  caller: Caller,
  workspaceId: string,
  filter: { secretId: string | null; action: string | null },
  page: { limit: number; offset: number },
): Promise<{ rows: AuditRow[]; total: number }> {
  const { tenantId, ...scope } = await resolveWorkspace(caller, workspaceId, "workspaces.audit.get");
  await permit(caller, "workspaces.audit.get", { tenantId, ...scope }, { type: "activity" });
  return inTenant(tenantId, (tx) =>
    listAudit(
      tx,
      tenantId,
      { workspaceId, targetId: filter.secretId ?? undefined, action: filter.action ?? undefined },
      page,
    ),
  );
}
