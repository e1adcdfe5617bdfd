import type { z } from "zod";
import type { GeneratorName } from "./generators";

/**
 * One type of secret: what its auth client holds, what the secret holds, how a person fills it in and how it travels with a
 * request. A new type is one file beside this one and one line in index.ts. Core: imports zod only.
 */
export interface SecretType<Client extends z.ZodType = z.ZodType, Credentials extends z.ZodType = z.ZodType> {
  /** `attributes.type` on the wire. */
  name: string;
  label: string;
  /** One sentence under the label in the form. */
  summary: string;
  /** Whether a secret of this type cannot be without an auth client. */
  needsClient: boolean;
  /** `credentials` of an auth client of this type, as created; null where there are none: all is in the secret. */
  client: Client | null;
  /** `credentials` of a secret of this type. */
  credentials: Credentials;
  /** Credential members that may be shown to anybody who sees the secret. What is not listed is sealed and masked. */
  visible: readonly string[];
  /** Members that a PATCH of `credentials` may leave out: what is stored of them stays. All else is replaced. */
  kept?: readonly string[];
  /** What the form asks for; empty for a type with a form of its own (oauth2). */
  fields: readonly CredentialField[];
  /**
   * The header fields that a request to somebody else's API carries with a secret of this type, of its stored credentials (oauth2:
   * `access_token` alone; hs256 and rs256: `token`, signed for this request). Pure. Null: the type makes no HTTP requests.
   */
  injects: ((credentials: Readonly<Record<string, unknown>>) => HeaderField[]) | null;
  /** How a caller shows a guarded endpoint that it knows a secret of this type; absent: it opens none. */
  opens?: "basic" | "token" | "header";
}

/** Name and value of an HTTP header field. */
export type HeaderField = readonly [name: string, value: string];

/** One row of the form, the drawer and README's table; `name` is the member of `credentials`. */
export type CredentialField = FieldBase &
  (
    | { kind: "text" }
    /** Whole number; travels as a number. */
    | { kind: "number"; unit?: string }
    /** One line, masked while typing and never shown again. */
    | { kind: "secret"; generate?: GeneratorName }
    /** Several lines, such as PEM; masked while typing unless the member is visible. */
    | { kind: "multiline" }
    | { kind: "select"; options: readonly FieldOption[] }
    /** Names with a masked value each; `Name: value` lines may be pasted whole. Travels as an object. `noun`: one of them. */
    | { kind: "pairs"; noun: string }
  );

interface FieldBase {
  name: string;
  label: string;
  help?: string;
  placeholder?: string;
  /** What the form starts with. */
  initial?: string;
  required: boolean;
  /** Asked for only when the secret is added: later it is what it is. */
  onlyNew?: boolean;
}

export interface FieldOption {
  value: string;
  label: string;
}

/** Whether what is stored of a field is masked, and shown only by revealing it. Of pairs the values are, not the names. */
export function isMasked(type: Pick<SecretType, "visible">, field: CredentialField): boolean {
  return field.kind === "pairs" || !type.visible.includes(field.name);
}

/** Whether anything of its values is shown to anybody who sees the secret. */
export function showsValues(type: SecretType): boolean {
  return type.visible.length > 0 || type.fields.some((field) => field.kind === "pairs");
}

/**
 * What anybody who sees the secret may see of its values: the members listed as visible, and the names of pairs.
 *
 * @param values `credentials` as stored
 */
export function visibleValues(type: SecretType, values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const shown: Record<string, unknown> = {};
  for (const name of type.visible) if (values[name] !== undefined) shown[name] = values[name];
  for (const { kind, name } of type.fields) {
    const pairs = values[name];
    if (kind === "pairs" && typeof pairs === "object" && pairs !== null) shown[name] = Object.keys(pairs);
  }
  return shown;
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

/** The value of `Authorization` for HTTP Basic: of `user:password`, as UTF-8 (RFC 7617). */
export function basicAuthorization(pair: string): string {
  const bytes = new TextEncoder().encode(pair);
  return `Basic ${btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""))}`;
}
