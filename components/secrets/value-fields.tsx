"use client";

import { type Control, Controller } from "react-hook-form";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { Note } from "@/components/ui/note";
import { SecretInput } from "@/components/ui/secret-input";
import { SECRET_TYPES, type SecretTypeName } from "@/lib/secret-types";
import type { SecretForm } from "./secret-form";

/** The fields of a type other than oauth2; secret ones are masked and may be looked at while they are typed. */
export function ValueFields({
  control,
  type,
}: {
  control: Control<SecretForm>;
  type: Exclude<SecretTypeName, "oauth2">;
}) {
  const { fields } = SECRET_TYPES[type];
  if (fields.length === 0)
    return <Note>This service asks for nothing, so there is nothing to enter. The secret only gives it a name.</Note>;
  return (
    <>
      {fields.map((spec) => (
        <Controller
          key={`${type}.${spec.name}`}
          control={control}
          name={`values.${spec.name}`}
          render={({ field, fieldState }) => (
            <Field
              label={spec.label}
              error={fieldState.error?.message ?? null}
              help={
                spec.kind === "secret"
                  ? "Stored encrypted. Showing it later asks for your password and is recorded."
                  : undefined
              }
            >
              {spec.kind === "secret" ? (
                <SecretInput
                  what={spec.label.toLowerCase()}
                  name={field.name}
                  ref={field.ref}
                  value={field.value ?? ""}
                  onChange={field.onChange}
                  onBlur={field.onBlur}
                />
              ) : (
                <Input
                  name={field.name}
                  ref={field.ref}
                  value={field.value ?? ""}
                  placeholder={"placeholder" in spec ? spec.placeholder : undefined}
                  onChange={field.onChange}
                  onBlur={field.onBlur}
                />
              )}
            </Field>
          )}
        />
      ))}
    </>
  );
}
