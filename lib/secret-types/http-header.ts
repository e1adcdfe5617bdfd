import { requiredText } from "./free-form";

/** Header names and values that a secret may send (RFC 9110 section 5; SECURITY PX-2, SS-6). Core. */

/**
 * Of one connection, or of the message's own framing: what is sent there is not the secret's to say (RFC 9110 section 7.6.1).
 */
const CONNECTION_HEADERS: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "expect",
  "host",
  "http2-settings",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** A token (RFC 9110 section 5.6.2) that belongs to no connection. */
export const headerName = requiredText
  .max(200)
  .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, "must be an HTTP header name such as X-API-Key")
  .refine(
    (name) => !CONNECTION_HEADERS.has(name.toLowerCase()),
    "is a header of the connection itself (Host, Connection, Content-Length, …) and cannot be set by a secret",
  );

/** One line of what a header can carry: no control characters, and nothing outside Latin-1. */
export const headerValue = requiredText
  .refine((text) => !/[\r\n\0]/.test(text), "must be one line")
  .refine(
    (text) => /^[\t\x20-\x7e\x80-\xff]*$/.test(text),
    "must not contain control characters or letters that no header can carry (beyond Latin-1)",
  )
  .refine((text) => text.trim() === text, "must not begin or end with a space");
