"use client";

import { CopyButton } from "@/components/ui/copy-button";
import type { AuthSecret } from "@/lib/sdk/resources";
import { SECRET_TYPES } from "@/lib/secret-types";
import { type CredentialField, isMasked } from "@/lib/secret-types/secret-type";
import { StoredValue } from "./stored-value";

/** What is stored of one field: visible members as they are, secret ones masked, of pairs each by its name. */
export function StoredField({
  workspaceId,
  secret,
  field,
  hidden,
}: {
  workspaceId: string;
  secret: AuthSecret;
  field: CredentialField;
  /** Why secret values cannot be shown; null when they can. */
  hidden: string | null;
}) {
  const { type, visible, reveal_effective } = secret.attributes;
  const shown = visible?.[field.name];
  const masked = (member: string, label: string) => (
    <StoredValue
      key={member}
      workspaceId={workspaceId}
      secretId={secret.id}
      field={member}
      what={label.toLowerCase()}
      label={label}
      fingerprint={null}
      hidden={hidden}
      never={reveal_effective === "never"}
    />
  );
  if (field.kind === "pairs")
    return Array.isArray(shown)
      ? shown.map((name) => masked(`${field.name}.${name}`, String(name)))
      : masked(field.name, field.label);
  if (isMasked(SECRET_TYPES[type], field)) return masked(field.name, field.label);
  if (shown === undefined || shown === "") return null;
  const text = field.kind === "select" ? (field.options.find(({ value }) => value === shown)?.label ?? shown) : shown;
  return (
    <div className="fact">
      <dt>{field.label}</dt>
      <dd className="val">
        <span className={field.kind === "select" ? undefined : "code"}>
          {String(text)}
          {field.kind === "number" && field.unit ? ` ${field.unit}` : null}
        </span>
      </dd>
      <dd className="fact-acts">
        <CopyButton
          variant="plain"
          size="sm"
          iconOnly
          label={`Copy ${field.label.toLowerCase()}`}
          text={String(shown)}
        />
      </dd>
    </div>
  );
}
