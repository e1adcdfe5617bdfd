"use client";

import { type Control, Controller, useWatch } from "react-hook-form";
import { knownProvider } from "@/components/providers/known-providers";
import { refreshAdvice } from "@/components/providers/refresh-advice";
import { Button } from "@/components/ui/button";
import { ChipInput } from "@/components/ui/chip-input";
import { Field } from "@/components/ui/field";
import { FieldGroup } from "@/components/ui/field-group";
import { Input } from "@/components/ui/input";
import { KeyValueRows } from "@/components/ui/key-value-rows";
import { Note } from "@/components/ui/note";
import { SecretInput } from "@/components/ui/secret-input";
import type { AuthClient } from "@/lib/sdk/resources";
import { needsBrowser } from "@/lib/secret-types/oauth2";
import { refuseParameter, type SecretForm } from "./secret-form";

/** Scopes and additional parameters, with word on whether a refresh token is to be expected. */
export function OAuth2Fields({
  control,
  client,
  onAdd,
  stored = false,
}: {
  control: Control<SecretForm>;
  client: AuthClient | null;
  /** Adds scopes and parameters that ask for a refresh token. */
  onAdd: (scopes: string[], params: Record<string, string>) => void;
  /** A user name and password are stored already and may only be replaced. */
  stored?: boolean;
}) {
  const [scopes, params] = useWatch({ control, name: ["scopes", "params"] });
  const host = client?.attributes.host;
  const openId = Boolean(client?.attributes.credentials?.issuer) || scopes.includes("openid");
  // What the client sends with every authorization counts as asked for; what the secret adds replaces it.
  const usual = Object.entries(client?.attributes.credentials?.authorize_params ?? {})
    .filter(([key]) => !params.some((pair) => pair.key === key))
    .map(([key, value]) => ({ key, value }));
  const browser = needsBrowser(client?.attributes.grant_type ?? "authorization_code");
  const advice = client && browser ? refreshAdvice(host, { scopes, params: [...params, ...usual] }, openId) : null;
  const suggestions =
    knownProvider(host)?.scopes ?? (openId && browser ? ["openid", "profile", "email", "offline_access"] : []);
  return (
    <>
      {client?.attributes.asks_with_login ? <LoginFields control={control} stored={stored} /> : null}
      <Controller
        control={control}
        name="scopes"
        render={({ field, fieldState }) =>
          client?.attributes.grant_type === "token_request" ? (
            <Field
              label="Scope"
              hint="optional"
              help="Sent exactly as typed."
              error={fieldState.error?.message ?? scopeComplaint(fieldState.error)}
            >
              <Input
                code
                value={field.value.join(" ")}
                onChange={(event) => field.onChange(event.target.value === "" ? [] : [event.target.value])}
                onBlur={field.onBlur}
              />
            </Field>
          ) : (
            <Field
              label="Scopes"
              end={field.value.length > 0 ? `${field.value.length} chosen` : null}
              error={fieldState.error?.message ?? scopeComplaint(fieldState.error)}
            >
              <ChipInput value={field.value} onChange={field.onChange} suggestions={[...suggestions]} />
            </Field>
          )
        }
      />
      <Controller
        control={control}
        name="params"
        render={({ field, fieldState }) => (
          <FieldGroup
            legend="Additional parameters"
            hint={browser ? "sent with the authorization request" : "sent with every token request"}
            error={fieldState.error?.message ?? null}
          >
            <KeyValueRows value={field.value} onChange={field.onChange} refuse={refuseParameter} />
          </FieldGroup>
        )}
      />
      {advice ? (
        <div className="advice" role="status">
          <Note tone={advice.tone}>
            {advice.text}{" "}
            {advice.add ? (
              <Button
                variant="plain"
                size="sm"
                className="advice-add"
                onClick={() => onAdd(advice.add?.scopes ?? [], advice.add?.params ?? {})}
              >
                {advice.add.label}
              </Button>
            ) : null}
          </Note>
        </div>
      ) : null}
    </>
  );
}

/** What the client asks with for this secret. */
function LoginFields({ control, stored }: { control: Control<SecretForm>; stored: boolean }) {
  return (
    <div className="two">
      <Controller
        control={control}
        name="username"
        render={({ field, fieldState }) => (
          <Field
            label="User name"
            error={fieldState.error?.message ?? null}
            help={stored ? "Stored. Type another one to replace it." : undefined}
          >
            <Input {...field} code autoComplete="off" />
          </Field>
        )}
      />
      <Controller
        control={control}
        name="password"
        render={({ field, fieldState }) => (
          <Field label="Password" error={fieldState.error?.message ?? null} help="Never shown again after saving.">
            <SecretInput
              {...field}
              what="password"
              stored={stored}
              onReplacingChange={(replacing) => {
                if (!replacing) field.onChange("");
              }}
            />
          </Field>
        )}
      />
    </div>
  );
}

/** An error inside the list of scopes has its text one level deeper. */
function scopeComplaint(error: unknown): string | null {
  if (!Array.isArray(error)) return null;
  const first: unknown = error.find(Boolean);
  return first && typeof first === "object" && "message" in first ? String(first.message) : null;
}
