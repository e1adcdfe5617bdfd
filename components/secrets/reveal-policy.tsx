"use client";

import { type Control, Controller } from "react-hook-form";
import { Field } from "@/components/ui/field";
import { Note } from "@/components/ui/note";
import { Select } from "@/components/ui/select";
import type { AuthSecret } from "@/lib/sdk/resources";
import type { SecretForm } from "./secret-form";

/** Whether people may be shown a secret's values: the choice in its form, and what is said where they may not. */

export function RevealOptions() {
  return (
    <>
      <option value="step_up">After a recent sign-in</option>
      <option value="never">Never</option>
    </>
  );
}

/** @param secret as it is stored: the form says when its tenant decides, whatever is chosen */
export function RevealField({ control, secret }: { control: Control<SecretForm>; secret: AuthSecret }) {
  const { reveal, reveal_effective } = secret.attributes;
  const tenantsSay = reveal === "step_up" && reveal_effective === "never";
  return (
    <Controller
      control={control}
      name="reveal"
      render={({ field, fieldState }) => (
        <Field
          label="Show values to people"
          error={fieldState.error?.message ?? null}
          help={
            tenantsSay
              ? "The tenant never shows values to people, whatever is chosen here."
              : "API keys that may read everything in a secret read it either way."
          }
        >
          <Select {...field}>
            <RevealOptions />
          </Select>
        </Field>
      )}
    />
  );
}

/** Why nothing here can be shown; nothing where it can. */
export function NeverShown({ secret }: { secret: AuthSecret }) {
  const { reveal, reveal_effective } = secret.attributes;
  if (reveal_effective !== "never") return null;
  return (
    <Note>
      {reveal === "never"
        ? "Never shown to people. Who may edit the secret can change that."
        : "The tenant never shows values to people. Its owner can change that."}
    </Note>
  );
}
