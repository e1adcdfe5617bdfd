import { z } from "zod";
import type { Caller } from "@/lib/access/caller";
import type { Reply } from "@/lib/http/endpoint";
import { pageMeta, parameterComplaint, readPage } from "@/lib/http/json-api";
import { SECRET_TYPE_NAMES } from "@/lib/secret-types";
import { listSecrets } from "./list-secrets";

/** The list's parameters: the contract's two filters, and the console's paging, search and groups. */
export const LIST_PARAMETERS = [
  "filter[user]",
  "filter[auth_client]",
  "filter[type]",
  "filter[id]",
  "filter[name]",
  "filter[search]",
  "filter[status]",
  "sort",
  "include",
  "fields[auth-secret]",
  "page[number]",
  "page[size]",
] as const;

const MAX_PAGE = 100;

const parameters = z.object({
  "filter[user]": z.string().max(64).optional(),
  "filter[auth_client]": z.string().max(64).optional(),
  "filter[type]": z.enum(SECRET_TYPE_NAMES, `must be one of ${SECRET_TYPE_NAMES.join(", ")}`).optional(),
  "filter[id]": z.string().max(64).optional(),
  "filter[name]": z.string().max(1000, "must be a name").optional(),
  "filter[search]": z.string().max(200, "must have 200 characters at most").optional(),
  "filter[status]": z
    .enum(["needs_person", "trouble", "working"], "must be needs_person, trouble or working")
    .optional(),
  sort: z.enum(["name", "created", "attention"], "must be name, created or attention").default("created"),
  include: z
    .string()
    .transform((text) => text.split(",").filter(Boolean))
    .refine((all) => all.every((one) => one === "auth_client" || one === "user"), "must name auth_client or user")
    .default([]),
  "fields[auth-secret]": z
    .string()
    .regex(/^[a-z_]*(,[a-z_]+)*$/, "must name attributes, with commas between them")
    .transform((text) => new Set(text.split(",")))
    .optional(),
});

export async function listReply(caller: Caller, workspaceId: string, query: URLSearchParams): Promise<Reply> {
  const page = readPage(query, { max: MAX_PAGE });
  const parsed = parameters.safeParse(Object.fromEntries(query));
  if (!parsed.success) throw parameterComplaint(parsed.error);
  const asked = parsed.data;
  const found = await listSecrets(caller, workspaceId, {
    userId: asked["filter[user]"],
    authClientId: asked["filter[auth_client]"],
    type: asked["filter[type]"],
    id: asked["filter[id]"],
    name: asked["filter[name]"],
    search: asked["filter[search]"]?.trim(),
    group: asked["filter[status]"],
    order: asked.sort,
    page,
    include: new Set(asked.include),
    fields: asked["fields[auth-secret]"] ?? null,
  });
  const { counts } = found;
  return {
    status: 200,
    document: {
      data: found.resources,
      meta:
        page && counts
          ? {
              ...pageMeta(page, counts.total),
              counts: {
                all: counts.all,
                needs_person: counts.needs_person,
                trouble: counts.trouble,
                working: counts.working,
              },
            }
          : {},
      ...(found.included.length > 0 ? { included: found.included } : {}),
    },
  };
}
