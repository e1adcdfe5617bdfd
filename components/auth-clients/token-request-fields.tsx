"use client";

import { Controller, type UseFormReturn, useWatch } from "react-hook-form";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { Note } from "@/components/ui/note";
import { Select } from "@/components/ui/select";
import { isPasswordGrant } from "@/lib/secret-types/oauth2";
import type { ClientForm } from "./client-form";

/** What a token request says besides who asks: its grant type as typed, and whether it is a form or JSON. */
export function TokenRequestFields({ form }: { form: UseFormReturn<ClientForm> }) {
  const { control } = form;
  return (
    <div className="two">
      <Controller
        control={control}
        name="token_request_grant_type"
        render={({ field, fieldState }) => (
          <Field
            label="Grant type"
            hint="optional"
            error={fieldState.error?.message ?? null}
            help="Sent as grant_type, exactly as typed."
          >
            <Input {...field} code maxLength={200} />
          </Field>
        )}
      />
      <Controller
        control={control}
        name="token_request_format"
        render={({ field, fieldState }) => (
          <Field label="Sent as" error={fieldState.error?.message ?? null} help="How the provider reads the request.">
            <Select {...field}>
              <option value="form">Form</option>
              <option value="json">JSON</option>
            </Select>
          </Field>
        )}
      />
    </div>
  );
}

/** Says of the password grant that it is legacy, and why. */
export function LegacyNote({ form }: { form: UseFormReturn<ClientForm> }) {
  const values = useWatch({ control: form.control }) as ClientForm;
  if (!isPasswordGrant(values)) return null;
  return (
    <Note tone="warn" live>
      Legacy: the password grant must not be used where it can be helped (RFC 9700, section 2.4). The password passes
      through Latchkey, and a second factor has no place in it. Prefer a person’s consent, or a client that asks for
      itself.
    </Note>
  );
}
