import type { AuthSecret } from "@/lib/sdk/resources";

const MASK = "••••••••";

/** The header fields that Latchkey adds to a request with this secret, their values masked. */
export function injectedHeaders({ attributes: { type, visible } }: AuthSecret): Record<string, string> {
  if (type === "noauth") return {};
  if (type === "basic") return { authorization: `Basic ${MASK}` };
  if (type === "api_key") return { [textOf(visible?.headerName) ?? "(the header of the key)"]: MASK };
  if (type === "http_headers") {
    const names = Array.isArray(visible?.headers) ? visible.headers : [];
    return Object.fromEntries(names.map((name) => [String(name), MASK]));
  }
  return { authorization: `Bearer ${MASK}` };
}

const textOf = (value: unknown) => (typeof value === "string" ? value : null);
