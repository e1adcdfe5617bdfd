import type { z } from "zod";

/**
 * One type of secret: what its auth client holds, what the secret holds, and how a person fills it in. A new type is one
 * file beside this one and one line in index.ts. Core: imports zod only.
 */
export interface SecretType<Client extends z.ZodType = z.ZodType, Credentials extends z.ZodType = z.ZodType> {
  /** `attributes.type` on the wire. */
  name: string;
  label: string;
  /** One sentence under the label in the form. */
  summary: string;
  /** Whether a secret of this type cannot be without an auth client. */
  needsClient: boolean;
  /** `credentials` of an auth client of this type, as created. */
  client: Client;
  /** `credentials` of a secret of this type. */
  credentials: Credentials;
  /** Credential members that may be shown to anybody who sees the secret. What is not listed is sealed and masked. */
  visible: readonly string[];
  /** What the form asks for; empty for a type with a form of its own (oauth2). */
  fields: readonly CredentialField[];
  /**
   * The header fields that a request to somebody else's API carries with a secret of this type, of its stored credentials (oauth2:
   * `access_token` alone). Pure. Null: the type makes no HTTP requests.
   */
  injects: ((credentials: Readonly<Record<string, unknown>>) => HeaderField[]) | null;
}

/** Name and value of an HTTP header field. */
export type HeaderField = readonly [name: string, value: string];

export interface CredentialField {
  name: string;
  label: string;
  help?: string;
  placeholder?: string;
  /** secret: masked while typing and never shown again. */
  kind: "text" | "secret";
  required: boolean;
}

/** A single secret value: 64 KB at most (DO-1), as UTF-8; of a member that is no text, its JSON. */
export const MAX_VALUE = 64 * 1024;
/** All members of one secret together. */
export const MAX_CREDENTIALS = 256 * 1024;

/** Bytes of `value` as it is stored. */
export function sizeOf(value: unknown): number {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "");
  return text.length * 3 <= MAX_VALUE ? text.length : new TextEncoder().encode(text).length;
}

/** The value of `Authorization` for HTTP Basic, user name and password as UTF-8 (RFC 7617). */
export function basicAuthorization(username: string, password: string): string {
  const bytes = new TextEncoder().encode(`${username}:${password}`);
  return `Basic ${btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""))}`;
}
