/** The audit's further facts in one line: "field: access_token · code: grant_refused". Nested things are left out; facts never hold values. */
export function detailWords(detail: string | Record<string, unknown> | null): string {
  if (detail === null) return "";
  if (typeof detail === "string") return detail;
  return Object.entries(detail)
    .flatMap(([key, value]) => {
      if (Array.isArray(value))
        return value.every((item) => typeof item === "string") ? [`${key}: ${value.join(", ")}`] : [];
      if (value === null || typeof value === "object" || value === "") return [];
      return [`${key.replace(/_/gu, " ")}: ${String(value)}`];
    })
    .join(" · ");
}
