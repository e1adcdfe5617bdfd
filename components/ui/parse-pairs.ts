/** One row of name and value. */
export interface KeyValue {
  key: string;
  value: string;
}

/**
 * Reads `Name: value`, one header a line, as browsers' tools, curl's `-H 'Name: value'` and HTTP itself write them. Commas,
 * semicolons and colons belong to the value. Returns [] when a line is none of these; blank lines are passed over.
 */
export function parseHeaderLines(text: string): KeyValue[] {
  const pairs: KeyValue[] = [];
  for (const line of text.split(/\r?\n/u)) {
    const bare = line.trim().replace(/\s*\\$/u, "");
    if (bare === "") continue;
    const quoted = /^(?:-H|--header)\s+(["'])(.*)\1$/u.exec(bare);
    const match = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*:\s*(.*)$/u.exec(quoted?.[2] ?? bare);
    if (!match?.[1]) return [];
    pairs.push({ key: match[1], value: (match[2] ?? "").trim() });
  }
  return pairs;
}

/**
 * Reads `prompt:consent, access_type:offline`, the same with `=` or `&`, one pair a line, or a JSON object of texts. Returns []
 * when the text is none of these, so that it can be taken as a plain name. A value may hold colons (`resource:https://api`).
 */
export function parsePairs(text: string): KeyValue[] {
  const trimmed = text.trim();
  if (trimmed.startsWith("{")) {
    try {
      const parsed: unknown = JSON.parse(trimmed);
      if (parsed && typeof parsed === "object")
        return Object.entries(parsed).map(([key, value]) => ({
          key,
          value: typeof value === "string" ? value : JSON.stringify(value),
        }));
    } catch {
      // Not JSON after all: read on as a list of pairs.
    }
  }
  const pairs: KeyValue[] = [];
  for (const part of trimmed.split(/[,\n;&]+/u)) {
    const piece = part.trim();
    if (piece === "") continue;
    const match = /^([^\s:=]+)\s*[:=]\s*(.+)$/u.exec(piece);
    if (!match?.[1] || !match[2]) return [];
    const key = match[1].replace(/^["']|["']$/gu, "");
    const value = match[2].replace(/^["']|["']$/gu, "");
    const known = pairs.find((pair) => pair.key === key);
    if (known) known.value = value;
    else pairs.push({ key, value });
  }
  return pairs;
}
