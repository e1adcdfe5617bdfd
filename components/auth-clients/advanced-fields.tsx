"use client";

import { Controller, type UseFormReturn, useWatch } from "react-hook-form";
import { Field } from "@/components/ui/field";
import { FieldGroup } from "@/components/ui/field-group";
import { Input } from "@/components/ui/input";
import { KeyValueRows } from "@/components/ui/key-value-rows";
import { Select } from "@/components/ui/select";
import { asksWithLogin, needsBrowser } from "@/lib/secret-types/oauth2";
import { type ClientForm, isBrowserOnly, refuseClientParameter } from "./client-form";

const PARAMETERS = [
  ["authorize_params", "Extra authorization parameters", "sent with every authorization of this client"],
  ["token_params", "Extra token parameters", "sent when the code is redeemed"],
  ["refresh_params", "Extra refresh parameters", "sent with every refresh; an empty value takes one out"],
] as const;

/** What is rarely needed of a client, with the defaults in place. `create`: also what can never be changed later. */
export function AdvancedFields({ form, create }: { form: UseFormReturn<ClientForm>; create: boolean }) {
  const { control } = form;
  const [grantType, convention] = useWatch({ control, name: ["grant_type", "token_request_credentials"] });
  const browser = needsBrowser(grantType);
  const login = asksWithLogin({ grant_type: grantType, token_request_credentials: convention });
  const line = (
    name: "refresh_token_uri" | "revocation_uri" | "token_expires_in" | "resource" | "scope_separator",
    label: string,
    help: string,
    placeholder?: string,
  ) => (
    <Controller
      control={control}
      name={name}
      render={({ field, fieldState }) => (
        <Field label={label} help={help} error={fieldState.error?.message ?? null}>
          <Input
            {...field}
            code
            placeholder={placeholder}
            inputMode={name === "token_expires_in" ? "numeric" : undefined}
          />
        </Field>
      )}
    />
  );
  return (
    <>
      {create && browser
        ? line(
            "refresh_token_uri",
            "Refresh endpoint",
            "Same as the token endpoint unless the provider says otherwise.",
            "Same as the token endpoint",
          )
        : null}
      <div className="two">
        {line("token_expires_in", "Token lifetime", "Seconds. Used only when the provider does not say.", "3600")}
        {grantType === "token_request" ? null : (
          <Controller
            control={control}
            name="scope_separator"
            render={({ field, fieldState }) => (
              <Field label="Scope separator" error={fieldState.error?.message ?? null} help="How scopes are joined.">
                <Select {...field}>
                  <option value=" ">Space</option>
                  <option value=",">Comma</option>
                  <option value=", ">Comma and space</option>
                  {[" ", ",", ", "].includes(field.value) ? null : <option value={field.value}>{field.value}</option>}
                </Select>
              </Field>
            )}
          />
        )}{" "}
      </div>
      <div className="two">
        <Controller
          control={control}
          name="token_endpoint_auth_method"
          render={({ field, fieldState }) => (
            <Field
              label="Token endpoint authentication"
              error={fieldState.error?.message ?? null}
              help="How client ID and secret are sent."
            >
              <Select {...field}>
                <option value="auto">Automatic</option>
                <option value="client_secret_basic">HTTP Basic header</option>
                <option value="client_secret_post">In the request body</option>
                {browser || login ? <option value="none">None (public client)</option> : null}
              </Select>
            </Field>
          )}
        />
        {browser ? (
          <Controller
            control={control}
            name="pkce"
            render={({ field, fieldState }) => (
              <Field
                label="PKCE"
                error={fieldState.error?.message ?? null}
                help="Switch it off only for a provider that refuses it."
              >
                <Select {...field}>
                  <option value="S256">S256</option>
                  <option value="off">Off</option>
                </Select>
              </Field>
            )}
          />
        ) : null}
      </div>
      {PARAMETERS.filter(([name]) => browser || !isBrowserOnly(name)).map(([name, label, hint]) => (
        <Controller
          key={name}
          control={control}
          name={name}
          render={({ field, fieldState }) => (
            <FieldGroup
              legend={label}
              hint={browser ? hint : "sent with every token request"}
              error={fieldState.error?.message ?? null}
            >
              <KeyValueRows value={field.value} onChange={field.onChange} refuse={refuseClientParameter} noun={label} />
            </FieldGroup>
          )}
        />
      ))}
      {line("resource", "Resource", "The API the tokens are for (RFC 8707), where the provider asks for it.")}
      {create ? (
        <>
          {line("revocation_uri", "Revocation endpoint", "Tokens that are forgotten are revoked there (RFC 7009).")}
          {browser ? (
            <Controller
              control={control}
              name="redirect_uri_per"
              render={({ field, fieldState }) => (
                <Field
                  label="Redirect URI"
                  error={fieldState.error?.message ?? null}
                  help="One per secret is safer. One per client needs registering only once at the provider."
                >
                  <Select {...field}>
                    <option value="secret">One per secret</option>
                    <option value="client">One for the whole client</option>
                  </Select>
                </Field>
              )}
            />
          ) : null}
        </>
      ) : null}
    </>
  );
}
