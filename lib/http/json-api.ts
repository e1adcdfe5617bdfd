import { z } from "zod";
import type { AppError, ErrorCode, ErrorSource } from "@/lib/errors";
import { AppError as Failure } from "@/lib/errors";

/** JSON:API as the contract's clients read it (CONTRACT section 1): documents, error objects, paging. */

export interface ResourceIdentifier {
  id: string;
  type: string;
}

export interface Relationship {
  data: ResourceIdentifier | ResourceIdentifier[];
  links?: { self: string };
}

export interface Resource {
  id: string | null;
  type: string;
  attributes: Record<string, unknown>;
  relationships?: Record<string, Relationship>;
  links?: { self: string };
}

export interface Document {
  data: Resource | Resource[];
  meta: Record<string, unknown>;
  included?: Resource[];
  links?: { self: string };
}

/** Clients throw on a 2xx whose type does not contain this (CL3). */
export const JSON_TYPE = "application/json; charset=utf-8";

export function related(type: string, id: string, self: string): Relationship {
  return { data: { id, type }, links: { self } };
}

export function errorDocument(error: AppError, requestId: string): { errors: Record<string, unknown>[] } {
  const one = (code: ErrorCode, title: string, detail: string, source?: ErrorSource) => ({
    id: requestId,
    status: String(error.status),
    code,
    title,
    detail,
    ...(source ? { source } : {}),
    ...(error.problem || error.meta
      ? { meta: { ...error.meta, ...(error.problem ? { problem: error.problem } : {}) } }
      : {}),
  });
  return {
    errors: [
      one(error.code, error.title, error.message, error.source),
      ...error.more.map((item) => one(item.code, Failure.titleOf(item.code), item.detail, item.source)),
    ],
  };
}

/** A JSON pointer (RFC 6901) from the path of a zod issue. */
export function pointer(path: readonly PropertyKey[]): string {
  return path.map((part) => `/${String(part).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

/** Every complaint of a zod check as one AppError: 409 when only the resource type is wrong, else 400 (CONTRACT section 1). */
export function complaint(error: z.ZodError, root: readonly PropertyKey[] = []): AppError {
  const items = error.issues.flatMap((issue) => {
    const path = [...root, ...issue.path];
    if (issue.code === "unrecognized_keys")
      return issue.keys.map((key) => ({
        code: "invalid_attribute" as const,
        detail: `${key} is not known here.`,
        source: { pointer: pointer([...path, key]) },
      }));
    return [
      {
        code: issue.path.join("/") === "data/type" ? ("type_mismatch" as const) : ("invalid_attribute" as const),
        detail: sentence(issue.message),
        source: { pointer: pointer(path) },
      },
    ];
  });
  const ordered = [
    ...items.filter((i) => i.code === "type_mismatch"),
    ...items.filter((i) => i.code !== "type_mismatch"),
  ];
  const first = ordered[0];
  if (!first) return new Failure("bad_request", "The request cannot be understood.");
  return new Failure(first.code, first.detail, { source: first.source, more: ordered.slice(1, 50) });
}

/** The same for query parameters. */
export function parameterComplaint(error: z.ZodError): AppError {
  const items = error.issues.map((issue) => ({
    code: "invalid_parameter" as const,
    detail: sentence(issue.message),
    source: { parameter: String(issue.path[0] ?? "") },
  }));
  const first = items[0];
  if (!first) return new Failure("bad_request", "The query cannot be understood.");
  return new Failure(first.code, first.detail, { source: first.source, more: items.slice(1) });
}

function sentence(text: string): string {
  const head = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(head) ? head : `${head}.`;
}

/** `{data: {id, type}}` of a relationship in a request body; the type must be the named one. */
export function relationshipTo(type: string) {
  return z.strictObject({
    data: z.object({ id: z.string().min(1, "must name an id"), type: z.literal(type, `must be ${type}`) }),
    links: z.unknown().optional(),
  });
}

export interface Page {
  number: number;
  size: number;
}

const wholeNumber = (what: string, max: number) =>
  z
    .string()
    .regex(/^[1-9]\d{0,8}$/, `${what} must be a whole number from 1`)
    .transform((text) => Math.min(Number(text), max));

/**
 * `page[number]` and `page[size]`. With `size` undefined paging stays off unless one of them is sent (CONTRACT "Paging").
 *
 * @throws AppError invalid_parameter
 */
export function readPage(query: URLSearchParams, options: { size?: number; max: number }): Page | null {
  const number = query.get("page[number]");
  const size = query.get("page[size]");
  if (number === null && size === null && options.size === undefined) return null;
  const parsed = z
    .object({
      "page[number]": wholeNumber("page[number]", 1_000_000),
      "page[size]": wholeNumber("page[size]", options.max),
    })
    .safeParse({ "page[number]": number ?? "1", "page[size]": size ?? String(options.size ?? options.max) });
  if (!parsed.success) throw parameterComplaint(parsed.error);
  return { number: parsed.data["page[number]"], size: parsed.data["page[size]"] };
}

export function pageMeta(page: Page, total: number): Record<string, number> {
  return { page: page.number, per_page: page.size, total, total_pages: Math.max(1, Math.ceil(total / page.size)) };
}

export function pageOffset(page: Page): { limit: number; offset: number } {
  return { limit: page.size, offset: (page.number - 1) * page.size };
}
