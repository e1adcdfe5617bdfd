/**
 * The audit's further facts in one line: "field: access_token · code: grant_refused". Nested things are left out, and a list of
 * ids is only counted: the API has them. Facts never hold values.
 *
 * @param counted the line above says already how many there were
 */
export function detailWords(detail: string | Record<string, unknown> | null, counted = false): string {
  if (detail === null) return "";
  if (typeof detail === "string") return detail;
  return Object.entries(detail)
    .flatMap(([key, value]) => {
      if (key === "ids") return Array.isArray(value) && value.length > 1 && !counted ? [`${value.length} at once`] : [];
      if (Array.isArray(value))
        return value.length > 0 && value.every((item) => typeof item === "string")
          ? [`${keyWords(key)}: ${value.join(", ")}`]
          : [];
      if (value === null || typeof value === "object" || value === "") return [];
      return [`${keyWords(key)}: ${String(value)}`];
    })
    .join(" · ");
}

/** "auth client" for `authClientId` and `auth_client_id`. */
function keyWords(key: string): string {
  return key
    .replace(/_?id$/iu, "")
    .replace(/([a-z])([A-Z])/gu, "$1_$2")
    .replace(/_/gu, " ")
    .toLowerCase();
}
