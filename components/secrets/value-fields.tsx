"use client";

import { type Control, Controller, type ControllerRenderProps } from "react-hook-form";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { FieldGroup } from "@/components/ui/field-group";
import { Input } from "@/components/ui/input";
import { KeyValueRows } from "@/components/ui/key-value-rows";
import { Note } from "@/components/ui/note";
import { parseHeaderLines } from "@/components/ui/parse-pairs";
import { SecretInput } from "@/components/ui/secret-input";
import { SecretTextarea } from "@/components/ui/secret-textarea";
import { Select } from "@/components/ui/select";
import { Textarea } from "@/components/ui/textarea";
import { SECRET_TYPES, type SecretTypeName } from "@/lib/secret-types";
import { GENERATORS } from "@/lib/secret-types/generators";
import { type CredentialField, isMasked, type SecretType } from "@/lib/secret-types/secret-type";
import type { SecretForm } from "./secret-form";

/** The fields of a type other than oauth2, as its file names them; secret ones are masked and may be looked at while typed. */
export function ValueFields({
  control,
  type: name,
  stored = false,
}: {
  control: Control<SecretForm>;
  type: Exclude<SecretTypeName, "oauth2">;
  /** The secret is there already: what its type keeps may be left as it is. */
  stored?: boolean;
}) {
  const type: SecretType = SECRET_TYPES[name];
  if (type.fields.length === 0)
    return <Note>This service asks for nothing, so there is nothing to enter. The secret only gives it a name.</Note>;
  return (
    <>
      {type.fields
        .filter((spec) => !(stored && spec.onlyNew))
        .map((spec) => (
          <Controller
            key={`${name}.${spec.name}`}
            control={control}
            name={`values.${spec.name}`}
            render={({ field, fieldState }) => (
              <OneField
                spec={spec}
                type={type}
                kept={stored && type.kept?.includes(spec.name) === true}
                field={field}
                error={fieldState.error?.message ?? null}
              />
            )}
          />
        ))}
    </>
  );
}

const KEPT = "Stored encrypted. Showing it later asks for your password and is recorded.";

function OneField({
  spec,
  type,
  kept,
  field,
  error,
}: {
  spec: CredentialField;
  type: SecretType;
  /** Left empty, what is stored stays. */
  kept: boolean;
  field: ControllerRenderProps<SecretForm, `values.${string}`>;
  error: string | null;
}) {
  const help = [spec.help, isMasked(type, spec) ? KEPT : null].filter(Boolean).join(" ") || undefined;
  if (spec.kind === "pairs")
    return (
      <FieldGroup legend={spec.label} error={error} help={help}>
        <KeyValueRows
          noun={spec.noun}
          namePlaceholder="Name, or paste"
          read={parseHeaderLines}
          masked
          value={Array.isArray(field.value) ? field.value : []}
          onChange={field.onChange}
        />
      </FieldGroup>
    );
  return (
    <Field
      label={spec.label}
      hint={spec.required || spec.kind === "select" ? undefined : "optional"}
      error={error}
      help={help}
      end={
        spec.kind === "secret" && spec.generate ? (
          <Button
            variant="plain"
            size="sm"
            aria-label={`${GENERATORS[spec.generate].label} ${spec.label.toLowerCase()}`}
            onClick={() => spec.generate && field.onChange(GENERATORS[spec.generate].make())}
          >
            {GENERATORS[spec.generate].label}
          </Button>
        ) : undefined
      }
    >
      <Entry spec={spec} masked={isMasked(type, spec)} kept={kept} field={field} />
    </Field>
  );
}

/** The control for one value of text. */
function Entry({
  spec,
  masked,
  kept,
  field,
}: {
  spec: Exclude<CredentialField, { kind: "pairs" }>;
  masked: boolean;
  kept: boolean;
  field: ControllerRenderProps<SecretForm, `values.${string}`>;
}) {
  const { name, ref, onChange, onBlur } = field;
  const value = typeof field.value === "string" ? field.value : (spec.initial ?? "");
  const shared = { name, ref, value, onChange, onBlur, placeholder: spec.placeholder };
  const what = spec.label.toLowerCase();
  switch (spec.kind) {
    case "secret":
      return (
        <SecretInput
          what={what}
          stored={kept}
          onReplacingChange={(replacing) => {
            if (!replacing) onChange("");
          }}
          {...shared}
        />
      );
    case "multiline":
      if (!masked) return <Textarea code {...shared} />;
      return (
        <SecretTextarea
          what={what}
          {...shared}
          placeholder={kept ? "Stored. Left empty, it stays as it is." : spec.placeholder}
        />
      );
    case "select":
      return (
        <Select name={name} ref={ref} value={value} onChange={onChange} onBlur={onBlur}>
          {spec.options.map((option) => (
            <option key={option.value} value={option.value}>
              {option.label}
            </option>
          ))}
        </Select>
      );
    case "number":
      return (
        <Input {...shared} inputMode="numeric" after={spec.unit ? <span className="muted">{spec.unit}</span> : null} />
      );
    case "text":
      return <Input {...shared} />;
  }
}
