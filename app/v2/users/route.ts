import { listPeople } from "@/lib/accounts/people-service";
import { toMember } from "@/lib/accounts/user-resource";
import { endpoint } from "@/lib/http/endpoint";
import { pageMeta, pageOffset, readPage } from "@/lib/http/json-api";
import { methods } from "@/lib/http/methods";

/** CONTRACT "Paging": users come 50 a page. */
const PAGING = { size: 50, max: 100 };

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  /** The tenant's people; without `tenant_id` everybody, for the operator. */
  GET: endpoint({
    route: "GET /v2/users",
    access: { permission: "tenants.user.list_all", level: "tenant", ids: ["query.tenant_id"] },
    query: ["tenant_id", "page[number]", "page[size]"],
    async handle({ caller, query }) {
      const page = readPage(query, PAGING) ?? { number: 1, size: PAGING.size };
      const { members, total } = await listPeople(caller, query.get("tenant_id"), pageOffset(page));
      return { status: 200, document: { data: members.map(toMember), meta: pageMeta(page, total) } };
    },
  }),
});
