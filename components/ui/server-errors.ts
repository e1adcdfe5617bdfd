import { LatchkeyError } from "@/lib/sdk/errors";

/**
 * Sorts a failed call's complaints to the fields of a form. `pointers` maps JSON pointers (or the beginning of one) to field names.
 * Returns what could be placed, and one text for the rest (null when all was placed). For an error of another kind its message.
 */
export function sortErrors<Name extends string>(
  error: unknown,
  pointers: Record<string, Name>,
): { fields: Partial<Record<Name, string>>; rest: string | null } {
  if (!(error instanceof LatchkeyError))
    return { fields: {}, rest: error instanceof Error ? error.message : String(error) };
  const fields: Partial<Record<Name, string>> = {};
  const rest: string[] = [];
  for (const item of error.items) {
    const pointer = item.pointer ?? "";
    const hit = Object.entries<Name>(pointers)
      .filter(([start]) => pointer === start || pointer.startsWith(`${start}/`))
      .sort(([a], [b]) => b.length - a.length)[0];
    if (hit) fields[hit[1]] ??= item.detail || item.title;
    else rest.push(item.detail || item.title);
  }
  return { fields, rest: rest.length > 0 ? [...new Set(rest)].join(" ") : null };
}
