"use client";

import { Controller, type UseFormReturn, useWatch } from "react-hook-form";
import { ChoiceCards } from "@/components/ui/choice-cards";
import { Field } from "@/components/ui/field";
import { FieldGroup } from "@/components/ui/field-group";
import { Fold } from "@/components/ui/fold";
import { Input } from "@/components/ui/input";
import { SecretInput } from "@/components/ui/secret-input";
import { asksWithLogin } from "@/lib/secret-types/oauth2";
import { AdvancedFields } from "./advanced-fields";
import { ADVANCED, advancedSummary, type ClientForm } from "./client-form";
import { EndpointFields } from "./discovery";
import { PRESET_CHOICES, PRESETS, presetOf } from "./grant-choices";
import { LegacyNote, TokenRequestFields } from "./token-request-fields";
import type { VisibilityChoice } from "./visibility";

/** The fields of a new OAuth2 client, in the dialog and on its own page. */
export function ClientFields({ form, choices }: { form: UseFormReturn<ClientForm>; choices: VisibilityChoice[] }) {
  const { control, formState } = form;
  const values = useWatch({ control }) as ClientForm;
  const login = asksWithLogin(values);
  const wrongInside = ADVANCED.some((name) => formState.errors[name] !== undefined);
  return (
    <>
      <Controller
        control={control}
        name="name"
        render={({ field, fieldState }) => (
          <Field label="Name" error={fieldState.error?.message ?? null}>
            <Input {...field} maxLength={200} placeholder="Such as the provider and what it is for" />
          </Field>
        )}
      />
      <Controller
        control={control}
        name="grant_type"
        render={({ fieldState }) => (
          <FieldGroup
            legend="How tokens come about"
            error={fieldState.error?.message ?? null}
            help={PRESET_CHOICES.find(({ value }) => value === presetOf(values))?.text}
          >
            <ChoiceCards
              layout="side"
              value={presetOf(values)}
              onChange={(preset) => {
                for (const [key, value] of Object.entries(PRESETS[preset]))
                  form.setValue(key as keyof ClientForm, value, { shouldDirty: true });
              }}
              choices={PRESET_CHOICES}
            />
          </FieldGroup>
        )}
      />
      <LegacyNote form={form} />
      <EndpointFields form={form} />
      {values.grant_type === "token_request" ? <TokenRequestFields form={form} /> : null}
      <div className="two">
        <Controller
          control={control}
          name="client_id"
          render={({ field, fieldState }) => (
            <Field label="Client ID" hint={login ? "optional" : undefined} error={fieldState.error?.message ?? null}>
              <Input {...field} code />
            </Field>
          )}
        />
        <Controller
          control={control}
          name="client_secret"
          render={({ field, fieldState }) => (
            <Field
              label="Client secret"
              hint={login ? "optional" : undefined}
              error={fieldState.error?.message ?? null}
              help={login ? "User name and password belong to each secret." : "Never shown again after saving."}
            >
              <SecretInput {...field} what="client secret" />
            </Field>
          )}
        />
      </div>
      {choices.length > 1 ? (
        <Controller
          control={control}
          name="visibility"
          render={({ field, fieldState }) => (
            <FieldGroup legend="Visibility" error={fieldState.error?.message ?? null}>
              <ChoiceCards layout="row" value={field.value} onChange={field.onChange} choices={choices} />
            </FieldGroup>
          )}
        />
      ) : null}
      <Fold title="Advanced" summary={advancedSummary(values)} open={wrongInside}>
        <AdvancedFields form={form} create />
      </Fold>
    </>
  );
}
