/** A text that people type as JSON: what it says, or what is wrong with it in words for its field. */
export type ReadJson<T> = { value: T } | { complaint: string };

/** A list; nothing typed is an empty one. */
export function readList(text: string): ReadJson<unknown[]> {
  const read = readJson(text, []);
  if ("complaint" in read) return read;
  return Array.isArray(read.value)
    ? { value: read.value }
    : { complaint: 'must be a list in JSON, such as [7, "open"]' };
}

/** An object; nothing typed is an empty one. */
export function readObject(text: string): ReadJson<Record<string, unknown>> {
  const read = readJson(text, {});
  if ("complaint" in read) return read;
  return typeof read.value === "object" && read.value !== null && !Array.isArray(read.value)
    ? { value: read.value as Record<string, unknown> }
    : { complaint: 'must be an object in JSON, such as {"sub": "42"}' };
}

function readJson(text: string, empty: unknown): ReadJson<unknown> {
  if (text.trim() === "") return { value: empty };
  try {
    return { value: JSON.parse(text) };
  } catch (error) {
    return { complaint: `is no JSON: ${error instanceof Error ? error.message : String(error)}` };
  }
}
