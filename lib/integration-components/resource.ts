import { z } from "zod";
import { nameText } from "@/lib/accounts/text-schemas";
import { AppError } from "@/lib/errors";
import { type Resource, related, relationshipTo } from "@/lib/http/json-api";
import type { ComponentFilter } from "./service";
import type { ComponentRow } from "./store";

export const createBody = z
  .strictObject({
    data: z.strictObject({
      type: z.literal("component", "must be component"),
      attributes: z.strictObject({
        name: nameText,
        access: z.enum(["team", "tenant"], "must be team or tenant").default("team"),
      }),
      relationships: z.strictObject({ contract: relationshipTo("contract") }),
    }),
  })
  .transform(({ data }) => ({ ...data.attributes, contractId: data.relationships.contract.data.id }));

/** `contract_id`, required, and `filter[access]`. @throws AppError invalid_parameter */
export function readListQuery(query: URLSearchParams): { contractId: string; filter: ComponentFilter } {
  const contractId = query.get("contract_id");
  if (!contractId)
    throw new AppError("invalid_parameter", "Name the contract whose components you want.", {
      source: { parameter: "contract_id" },
    });
  const filter = query.get("filter[access]") ?? "all";
  if (filter !== "private" && filter !== "public" && filter !== "all")
    throw new AppError("invalid_parameter", "filter[access] must be private, public or all.", {
      source: { parameter: "filter[access]" },
    });
  return { contractId, filter };
}

export function toResource(row: ComponentRow): Resource {
  return {
    id: row.id,
    type: "component",
    attributes: {
      name: row.name,
      // The original's developer teams belong to a contract; here the contract itself is the team.
      team_name: row.contractName,
      access: row.access,
      created_at: row.createdAt.toISOString(),
    },
    relationships: { contract: related("contract", row.contractId, `/v2/contracts/${row.contractId}`) },
    links: { self: `/v2/components/${row.id}` },
  };
}
