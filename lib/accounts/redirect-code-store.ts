import { and, eq } from "drizzle-orm";
import { workspaces } from "@/drizzle/schema/accounts";
import type { WorkspaceScope } from "@/lib/access/scope";
import type { Tx } from "@/lib/db/tx";
import { notFound } from "@/lib/errors";

/** The code that ends every redirect URI of this workspace's secrets (API.md "Redirect URI"). @throws AppError not_found */
export async function workspaceRedirectCode(tx: Tx, scope: WorkspaceScope): Promise<string> {
  const [row] = await tx
    .select({ code: workspaces.redirectCode })
    .from(workspaces)
    .where(and(eq(workspaces.tenantId, scope.tenantId), eq(workspaces.id, scope.workspaceId)));
  if (!row) throw notFound("workspace");
  return row.code;
}
