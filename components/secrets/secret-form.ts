import { z } from "zod";
import type { KeyValue } from "@/components/ui/parse-pairs";
import { REVEAL_POLICIES, type RevealPolicy } from "@/lib/access/reveal-policy";
import { SECRET_TYPE_NAMES, SECRET_TYPES, type SecretTypeName } from "@/lib/secret-types";
import { displayName } from "@/lib/secret-types/names";
import { RESERVED_PARAMETERS } from "@/lib/secret-types/oauth2";
import type { CredentialField, SecretType } from "@/lib/secret-types/secret-type";

/** Text as typed, or the rows of a field of pairs. */
export type FieldValue = string | KeyValue[];

/** What the form for adding and for editing a secret holds. Other types' fields are kept while the type is changed to and fro. */
export interface SecretForm {
  type: SecretTypeName;
  name: string;
  clientId: string | null;
  scopes: string[];
  params: KeyValue[];
  /** Where the client asks with them; empty: as they are stored. */
  username: string;
  password: string;
  /** The fields of types other than oauth2, by name. */
  values: Record<string, FieldValue | undefined>;
  /** Where requests with it may go, as typed: the server reads them. */
  hosts: string[];
  /** Only in the form for editing. */
  reveal: RevealPolicy;
}

export const EMPTY_FORM: SecretForm = {
  type: "oauth2",
  name: "",
  clientId: null,
  scopes: [],
  params: [],
  username: "",
  password: "",
  values: {},
  hosts: [],
  reveal: "step_up",
};

/** What was typed into a field is as good as nothing. */
export const isBlank = (value: FieldValue | undefined) =>
  typeof value === "string" ? value === "" : !value?.some((row) => row.key !== "" || row.value !== "");

/** Why a parameter may not be set by hand; null when it may. */
export function refuseParameter(key: string): string | null {
  return RESERVED_PARAMETERS.has(key) ? `${key} is set by Latchkey itself.` : null;
}

const pairs = z.array(z.object({ key: z.string(), value: z.string() }));
const sentence = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1)}`.replace(/\.?$/u, ".");

/**
 * Checks the form as the server will. `values`: the fields of other types are wanted (adding, or replacing what is stored). `stored`: what
 * the type keeps may be left empty. Complaints are whole sentences.
 */
export function secretSchema(wanted: { client: boolean; values: boolean; stored?: boolean }) {
  return z
    .object({
      type: z.enum(SECRET_TYPE_NAMES as [SecretTypeName, ...SecretTypeName[]]),
      name: z.string(),
      clientId: z.string().nullable(),
      scopes: z.array(z.string().max(500, "A scope is longer than 500 characters.")),
      params: pairs,
      username: z.string(),
      password: z.string(),
      // A field that was never touched is there without a value.
      values: z.record(z.string(), z.union([z.string(), pairs]).optional()),
      hosts: z.array(z.string()),
      reveal: z.enum(REVEAL_POLICIES),
    })
    .superRefine((form, context) => {
      const say = (path: (string | number)[], message: string) => context.addIssue({ code: "custom", path, message });
      if (form.name.trim() === "") say(["name"], "Give the secret a name.");
      else {
        const name = displayName.safeParse(form.name);
        if (!name.success) say(["name"], `The name ${name.error.issues[0]?.message ?? "cannot be used"}.`);
      }
      if (form.type === "oauth2") {
        if (wanted.client && !form.clientId) say(["clientId"], "Choose the auth client to ask with, or add a new one.");
        const keys = form.params.map((pair) => pair.key);
        if (
          keys.some((key, at) => keys.indexOf(key) !== at || refuseParameter(key) !== null) ||
          form.params.some((pair) => pair.key === "")
        )
          say(["params"], "Look at the parameters again.");
        return;
      }
      if (!wanted.values) return;
      const type: SecretType = SECRET_TYPES[form.type];
      // Nothing more is said of these fields: they are complained of already, or may be empty.
      const wrong = new Set(wanted.stored ? type.kept?.filter((name) => isBlank(form.values[name])) : []);
      for (const field of type.fields)
        if (field.required && !wrong.has(field.name) && isBlank(form.values[field.name] ?? field.initial)) {
          wrong.add(field.name);
          say(["values", field.name], `Enter the ${inSentence(field.label)}.`);
        } else if (field.kind === "pairs" && hasUnclearRow(form.values[field.name])) {
          wrong.add(field.name);
          say(["values", field.name], `Look at the ${inSentence(field.label)} again.`);
        }
      const checked = type.credentials.safeParse(staticCredentials(type, form.values));
      if (checked.success) return;
      for (const issue of checked.error.issues) {
        const field = type.fields.find((other) => other.name === issue.path[0]);
        if (!field) say(["type"], sentence(issue.message));
        else if (!wrong.has(field.name)) {
          const what = issue.path.length > 1 ? issue.path.slice(1).join(" ") : `The ${inSentence(field.label)}`;
          say(["values", field.name], sentence(`${what} ${issue.message}`));
        }
      }
    });
}

/** A label within a sentence; TLS stays TLS. */
function inSentence(label: string): string {
  return /^[A-Z][a-z]/.test(label) ? label.toLowerCase() : label;
}

/** A row without a name, or a name given twice: which value is meant is not for the form to decide. */
function hasUnclearRow(value: FieldValue | undefined): boolean {
  if (!Array.isArray(value)) return false;
  const names = value.map((row) => row.key);
  return names.some((name, at) => name === "" || names.indexOf(name) !== at);
}

/** Fields as they travel: numbers as numbers, pairs as an object, what was left empty not at all. */
function staticCredentials(type: SecretType, values: SecretForm["values"]): Record<string, unknown> {
  const credentials: Record<string, unknown> = {};
  for (const field of type.fields) {
    const value = values[field.name] ?? field.initial;
    if (value === undefined || isBlank(value)) continue;
    if (typeof value !== "string")
      credentials[field.name] = Object.fromEntries(
        value.filter(({ key }) => key !== "").map((row) => [row.key, row.value]),
      );
    else credentials[field.name] = field.kind === "number" && /^\d+$/u.test(value.trim()) ? Number(value) : value;
  }
  return credentials;
}

/** The fields of a form for replacing what is stored: what may be seen of it, ready to be changed; the rest empty. */
export function valuesFrom(type: SecretTypeName, visible: Record<string, unknown> | undefined): SecretForm["values"] {
  const values: SecretForm["values"] = {};
  for (const field of SECRET_TYPES[type].fields as readonly CredentialField[]) {
    const stored = visible?.[field.name];
    if (Array.isArray(stored)) values[field.name] = stored.map((key) => ({ key: String(key), value: "" }));
    else if (stored !== undefined) values[field.name] = String(stored);
  }
  return values;
}

/** The form's part of `credentials` as it travels. */
export function toCredentials(form: SecretForm): Record<string, unknown> {
  if (form.type !== "oauth2") return staticCredentials(SECRET_TYPES[form.type], form.values);
  return {
    scope: form.scopes.join(" "),
    additional_params: JSON.stringify(Object.fromEntries(form.params.map((pair) => [pair.key, pair.value]))),
    ...(form.username === "" ? {} : { username: form.username }),
    ...(form.password === "" ? {} : { password: form.password }),
  };
}

/** Where the server's complaints belong. */
export function secretPointers(type: SecretTypeName): Record<string, string> {
  return {
    "/data/attributes/name": "name",
    "/data/attributes/type": "type",
    "/data/attributes/reveal": "reveal",
    "/data/attributes/allowed_hosts": "hosts",
    "/data/relationships/auth_client": "clientId",
    "/data/attributes/credentials/scope": "scopes",
    "/data/attributes/credentials/additional_params": "params",
    ...(type === "oauth2"
      ? {
          "/data/attributes/credentials/username": "username",
          "/data/attributes/credentials/password": "password",
        }
      : {}),
    ...Object.fromEntries(
      SECRET_TYPES[type].fields.map((field) => [`/data/attributes/credentials/${field.name}`, `values.${field.name}`]),
    ),
  };
}

/** What a type keeps, in words: "User name and password are stored." */
export function storedWords(type: SecretType): string {
  const labels = type.fields.filter((field) => !field.onlyNew).map((field) => field.label);
  const [last, ...before] = labels.reverse();
  if (last === undefined) return "This service asks for nothing, so nothing is stored.";
  const plural = before.length > 0 || type.fields[0]?.kind === "pairs";
  return `${before.length > 0 ? `${before.reverse().join(", ")} and ${last}` : last} ${plural ? "are" : "is"} stored.`;
}
