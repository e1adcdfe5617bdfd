import { z } from "zod";
import type { KeyValue } from "@/components/ui/parse-pairs";
import { REVEAL_POLICIES, type RevealPolicy } from "@/lib/access/reveal-policy";
import { SECRET_TYPE_NAMES, SECRET_TYPES, type SecretTypeName } from "@/lib/secret-types";
import { displayName } from "@/lib/secret-types/names";
import { RESERVED_PARAMETERS } from "@/lib/secret-types/oauth2";

/** What the form for adding and for editing a secret holds. Other types' fields are kept while the type is changed to and fro. */
export interface SecretForm {
  type: SecretTypeName;
  name: string;
  clientId: string | null;
  scopes: string[];
  params: KeyValue[];
  /** The fields of types other than oauth2, by name. */
  values: Record<string, string | undefined>;
  /** Only in the form for editing. */
  reveal: RevealPolicy;
}

export const EMPTY_FORM: SecretForm = {
  type: "oauth2",
  name: "",
  clientId: null,
  scopes: [],
  params: [],
  values: {},
  reveal: "step_up",
};

/** Why a parameter may not be set by hand; null when it may. */
export function refuseParameter(key: string): string | null {
  return RESERVED_PARAMETERS.has(key) ? `${key} is set by Latchkey itself.` : null;
}

const pairs = z.array(z.object({ key: z.string(), value: z.string() }));
const sentence = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1)}`.replace(/\.?$/u, ".");

/**
 * Checks the form as the server will. `values`: the fields of other types are wanted (adding, or replacing what is stored). Complaints are
 * whole sentences.
 */
export function secretSchema(wanted: { client: boolean; values: boolean }) {
  return z
    .object({
      type: z.enum(SECRET_TYPE_NAMES as [SecretTypeName, ...SecretTypeName[]]),
      name: z.string(),
      clientId: z.string().nullable(),
      scopes: z.array(z.string().max(500, "A scope is longer than 500 characters.")),
      params: pairs,
      // A field that was never touched is there without a value.
      values: z.record(z.string(), z.string().optional()),
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
      const type = SECRET_TYPES[form.type];
      for (const field of type.fields)
        if (field.required && !form.values[field.name])
          say(["values", field.name], `Enter the ${field.label.toLowerCase()}.`);
      const checked = type.credentials.safeParse(form.values);
      if (checked.success) return;
      for (const issue of checked.error.issues) {
        const field = type.fields.find((other) => other.name === issue.path[0]);
        if (field && form.values[field.name])
          say(["values", field.name], `The ${field.label.toLowerCase()} ${issue.message}.`);
        else if (!field) say(["type"], sentence(issue.message));
      }
    });
}

/** The form's part of `credentials` as it travels. */
export function toCredentials(form: SecretForm): Record<string, unknown> {
  if (form.type !== "oauth2") {
    const names = SECRET_TYPES[form.type].fields.map((field) => field.name);
    return Object.fromEntries(names.map((name) => [name, form.values[name] ?? ""]));
  }
  return {
    scope: form.scopes.join(" "),
    additional_params: JSON.stringify(Object.fromEntries(form.params.map((pair) => [pair.key, pair.value]))),
  };
}

/** Where the server's complaints belong. */
export function secretPointers(type: SecretTypeName): Record<string, string> {
  return {
    "/data/attributes/name": "name",
    "/data/attributes/type": "type",
    "/data/attributes/reveal": "reveal",
    "/data/relationships/auth_client": "clientId",
    "/data/attributes/credentials/scope": "scopes",
    "/data/attributes/credentials/additional_params": "params",
    ...Object.fromEntries(
      SECRET_TYPES[type].fields.map((field) => [`/data/attributes/credentials/${field.name}`, `values.${field.name}`]),
    ),
  };
}
