import { z } from "zod";
import { REVEAL_EXPECTED, REVEAL_POLICIES } from "@/lib/access/reveal-policy";
import { ROLES } from "@/lib/access/roles";
import { nameText } from "@/lib/accounts/text-schemas";
import type { WorkspaceWithContract } from "@/lib/accounts/tree-service";
import type { ContractRow, TenantRow, WorkspaceRow } from "@/lib/accounts/tree-store";
import type { Reply } from "@/lib/http/endpoint";
import { type Page, pageMeta, pageOffset, type Resource, readPage, related, relationshipTo } from "@/lib/http/json-api";

/** CONTRACT "Paging": contracts and workspaces come 20 a page. */
const PAGING = { size: 20, max: 100 };

export const contractBody = z
  .strictObject({
    data: z.strictObject({
      type: z.literal("contract", "must be contract"),
      attributes: z.strictObject({ name: nameText }),
      relationships: z.strictObject({ tenant: relationshipTo("tenant").optional() }).optional(),
    }),
  })
  .transform(({ data }) => ({ name: data.attributes.name, tenantId: data.relationships?.tenant?.data.id }));

export const workspaceBody = z
  .strictObject({
    data: z.strictObject({
      type: z.literal("workspace", "must be workspace"),
      attributes: z.strictObject({ name: nameText }),
      relationships: z.strictObject({ contract: relationshipTo("contract") }),
    }),
  })
  .transform(({ data }) => ({ name: data.attributes.name, contractId: data.relationships.contract.data.id }));

export const workspacePatch = z
  .strictObject({
    data: z.strictObject({
      type: z.literal("workspace", "must be workspace"),
      id: z.string("must be text").optional(),
      attributes: z.strictObject({ name: nameText.optional() }).default({}),
    }),
  })
  .transform(({ data }) => ({ id: data.id, name: data.attributes.name }));

export const tenantPatch = z
  .strictObject({
    data: z.strictObject({
      type: z.literal("tenant", "must be tenant"),
      id: z.string("must be text").optional(),
      attributes: z.strictObject({ reveal: z.enum(REVEAL_POLICIES, REVEAL_EXPECTED).optional() }).default({}),
    }),
  })
  .transform(({ data }) => ({ id: data.id, reveal: data.attributes.reveal }));

export function toTenant(row: TenantRow): Resource {
  return {
    id: row.tenantId,
    type: "tenant",
    attributes: {
      name: row.name,
      redirect_code: row.redirectCode,
      created_at: row.createdAt.toISOString(),
      reveal: row.reveal,
    },
    links: { self: `/v2/tenants/${row.tenantId}` },
  };
}

export function toContract(row: ContractRow): Resource {
  return {
    id: row.id,
    type: "contract",
    attributes: {
      name: row.name,
      status: row.status,
      available_roles: Object.keys(ROLES.workspace).map((role) => ({ role, scope: "workspaces" })),
      redirect_code: row.redirectCode,
      created_at: row.createdAt.toISOString(),
    },
    relationships: { tenant: related("tenant", row.tenantId, `/v2/tenants/${row.tenantId}`) },
    links: { self: `/v2/contracts/${row.id}` },
  };
}

export function toWorkspace(row: WorkspaceRow): Resource {
  return {
    id: row.id,
    type: "workspace",
    attributes: {
      name: row.name,
      type: row.type,
      redirect_code: row.redirectCode,
      created_at: row.createdAt.toISOString(),
    },
    relationships: {
      contract: related("contract", row.contractId, `/v2/contracts/${row.contractId}`),
      tenant: related("tenant", row.tenantId, `/v2/tenants/${row.tenantId}`),
    },
    links: { self: `/v2/workspaces/${row.id}` },
  };
}

/** One page of a list that was read whole; a page past the end is empty (CONTRACT section 8). */
export function pageOf<T>(rows: readonly T[], query: URLSearchParams): { rows: T[]; page: Page; total: number } {
  const page = readPage(query, PAGING) ?? { number: 1, size: PAGING.size };
  const { limit, offset } = pageOffset(page);
  return { rows: rows.slice(offset, offset + limit), page, total: rows.length };
}

export function contractPage(rows: readonly ContractRow[], query: URLSearchParams): Reply {
  const part = pageOf(rows, query);
  return { status: 200, document: { data: part.rows.map(toContract), meta: pageMeta(part.page, part.total) } };
}

export function workspacePage(rows: readonly WorkspaceWithContract[], query: URLSearchParams): Reply {
  const part = pageOf(rows, query);
  const contracts = new Map(part.rows.flatMap(({ contract }) => (contract ? [[contract.id, contract] as const] : [])));
  return {
    status: 200,
    document: {
      data: part.rows.map(({ workspace }) => toWorkspace(workspace)),
      meta: pageMeta(part.page, part.total),
      included: [...contracts.values()].map(toContract),
    },
  };
}
