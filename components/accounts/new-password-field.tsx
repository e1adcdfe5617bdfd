"use client";

import { useState } from "react";
import { Field } from "@/components/ui/field";
import { PasswordInput } from "@/components/ui/password-input";
import { strengthOf } from "./password-strength";

export interface NewPasswordFieldProps {
  label?: string;
  name?: string;
  error?: string | null | undefined;
  /** Texts that make it guessable. */
  known?: string[];
}

/** A new password with a hint at its strength. Read its value from the form. */
export function NewPasswordField({ label = "Password", name = "password", error, known = [] }: NewPasswordFieldProps) {
  const [typed, setTyped] = useState("");
  const strength = strengthOf(typed, known);
  return (
    <Field
      label={label}
      error={error}
      help={strength.words}
      after={
        <div className="strength" data-level={strength.level} aria-hidden>
          <span />
          <span />
          <span />
          <span />
        </div>
      }
    >
      <PasswordInput name={name} autoComplete="new-password" onChange={(event) => setTyped(event.target.value)} />
    </Field>
  );
}
