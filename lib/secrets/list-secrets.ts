import type { Caller } from "@/lib/access/caller";
import { permit } from "@/lib/access/permit";
import { userNames } from "@/lib/accounts/people";
import { resolveWorkspace } from "@/lib/accounts/places";
import { recordNow } from "@/lib/audit/record";
import { clientSummaries, toSummary } from "@/lib/auth-clients/service";
import { inTenant } from "@/lib/db/tx";
import { AppError } from "@/lib/errors";
import { type Page, pageOffset, type Resource } from "@/lib/http/json-api";
import { flag, flagIfDamaged } from "./damage";
import { clientLooks, countSecrets, type ListCounts, type ListFilter, lastUsed, listRows } from "./list-store";
import { openCredentials } from "./opened";
import type { SecretView } from "./resource";
import { toResource } from "./resource";
import type { SecretRow } from "./rows";
import { mayReadValues } from "./service";

const GET = "workspaces.auth_secret.get";

export interface ListQuery extends ListFilter {
  order: "name" | "created" | "attention";
  page: Page | null;
  include: ReadonlySet<string>;
  /** The attributes to answer, of those there are; null: all. Without `credentials` no value is opened. */
  fields: ReadonlySet<string> | null;
}

export interface SecretList {
  resources: Resource[];
  counts: ListCounts | null;
  included: Resource[];
}

/** All of the workspace's secrets, or one page of them. With values this is one audit entry that names the ids (AU-1). */
export async function listSecrets(caller: Caller, workspaceId: string, query: ListQuery): Promise<SecretList> {
  const scope = await resolveWorkspace(caller, workspaceId, GET);
  await permit(caller, GET, scope, { type: "auth-secret" });
  const read = await inTenant(scope.tenantId, async (tx) => {
    const rows = await listRows(tx, scope, query, query.order, query.page ? pageOffset(query.page) : null);
    const clientIds = rows.flatMap((row) => row.authClientId ?? []);
    const looks = await clientLooks(tx, clientIds);
    const clients = query.include.has("auth_client") ? await clientSummaries(tx, clientIds) : [];
    const used = query.page
      ? await lastUsed(
          tx,
          scope.tenantId,
          rows.map((row) => row.id),
        )
      : null;
    const counts = query.page ? await countSecrets(tx, scope, query) : null;
    const userIds = query.include.has("user") ? rows.flatMap((row) => row.userId ?? []) : [];
    const names = await userNames(tx, scope.tenantId, userIds);
    return { rows, looks, clients, used, counts, names };
  });
  const { fields } = query;
  const values = mayReadValues(caller, scope) && (fields?.has("credentials") ?? true);
  if (values && read.rows.length > 0)
    await recordNow(caller, {
      tenantId: scope.tenantId,
      workspaceId: scope.workspaceId,
      action: "secret.list",
      target: { type: "auth-secret" },
      detail: { ids: read.rows.map((row) => row.id) },
    });
  const resources = await Promise.all(
    read.rows.map(async (row) => {
      const view: SecretView = { ...(row.authClientId === null ? {} : read.looks.get(row.authClientId)) };
      if (read.used) view.lastUsedAt = read.used.get(row.id) ?? null;
      // One damaged row must not take the list with it (CRY-11).
      if (values) Object.assign(view, await valuesOrProblem(row));
      else await flagIfDamaged(row);
      const resource = toResource(row, view);
      return fields ? { ...resource, attributes: only(resource.attributes, fields) } : resource;
    }),
  );
  const included = [
    ...read.clients.map(toSummary),
    ...[...read.names].map(([id, name]) => ({
      id,
      type: "user",
      attributes: { first_name: name.firstName, last_name: name.lastName, email: name.email },
    })),
  ];
  return { resources, counts: read.counts, included };
}

function only(attributes: Record<string, unknown>, fields: ReadonlySet<string>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(attributes).filter(([name]) => fields.has(name)));
}

async function valuesOrProblem(row: SecretRow): Promise<SecretView> {
  try {
    return { credentials: await openCredentials(row) };
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "integrity_failure") throw error;
    flag(row);
    return {};
  }
}
