/** The header fields of a request made with a secret of this type; null: it is not sent in headers. As lib/secret-types says it. */
export function headersOf(type: string, values: Record<string, unknown>): Record<string, string> | null {
  switch (type) {
    case "noauth":
      return {};
    case "basic":
      return { authorization: `Basic ${base64(`${values.username}:${values.password}`)}` };
    case "api_key":
      return { [String(values.headerName)]: String(values.headerValue) };
    case "password":
      return { authorization: `Bearer ${values.password}` };
    case "http_headers":
      return values.headers as Record<string, string>;
    default:
      return null;
  }
}

/** Of the bytes, or of the text's UTF-8. */
export function base64(given: string | Uint8Array): string {
  const bytes = typeof given === "string" ? new TextEncoder().encode(given) : given;
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}
