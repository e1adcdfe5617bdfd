"use client";

import { RotateCw } from "lucide-react";
import { useRef, useState } from "react";
import { Controller, type UseFormReturn, useWatch } from "react-hook-form";
import { api } from "@/components/frame/api";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { FieldError } from "@/components/ui/field-error";
import { Input } from "@/components/ui/input";
import { Note } from "@/components/ui/note";
import { LatchkeyError } from "@/lib/sdk/errors";
import type { Discovery } from "@/lib/sdk/resources";
import { needsBrowser } from "@/lib/secret-types/oauth2";
import type { ClientForm } from "./client-form";

function foundWords(found: Discovery["attributes"]): string {
  const endpoints = [
    found.auth_uri ? "authorization" : null,
    found.token_uri ? "token" : null,
    found.revocation_uri ? "revocation" : null,
  ].filter((word) => word !== null);
  const list =
    endpoints.length > 1 ? `${endpoints.slice(0, -1).join(", ")} and ${endpoints.at(-1)}` : (endpoints[0] ?? "no");
  const pkce = found.code_challenge_methods?.includes("S256") ? ", PKCE with S256" : "";
  return `Found: ${list} endpoint${pkce}.`;
}

const ENDPOINTS = [
  ["auth_uri", "Authorization endpoint", "https://accounts.example.com/authorize"],
  ["token_uri", "Token endpoint", "https://accounts.example.com/token"],
] as const;

/** Of the preset that is named after it. */
const MICROSOFT_TOKEN_URI = "https://login.microsoftonline.com/<tenant ID>/oauth2/v2.0/token";

/** Issuer URL and the two endpoints: typed, or filled from what the issuer publishes about itself. */
export function EndpointFields({ form }: { form: UseFormReturn<ClientForm> }) {
  const { control, getValues, setValue, setError, clearErrors } = form;
  const [grantType, credentials] = useWatch({ control, name: ["grant_type", "token_request_credentials"] });
  const browser = needsBrowser(grantType);
  const microsoft = grantType === "token_request" && credentials === "client_id_secret";
  const [found, setFound] = useState<Discovery["attributes"] | null>(null);
  const [busy, setBusy] = useState(false);
  const asked = useRef("");
  const running = useRef<AbortController | null>(null);

  const look = async (again: boolean) => {
    const issuer = getValues("issuer").trim();
    if (issuer === "" || (!again && issuer === asked.current)) return;
    if (!URL.canParse(issuer)) {
      setError("issuer", { message: "The issuer URL must be a complete URL, such as https://accounts.example.com" });
      return;
    }
    asked.current = issuer;
    running.current?.abort();
    const controller = new AbortController();
    running.current = controller;
    setBusy(true);
    setFound(null);
    clearErrors("issuer");
    try {
      const { attributes } = (await api.authClients.discover(issuer, { signal: controller.signal })).data;
      setFound(attributes);
      const fill = {
        auth_uri: attributes.auth_uri,
        token_uri: attributes.token_uri,
        revocation_uri: attributes.revocation_uri,
      };
      for (const [key, value] of Object.entries(fill) as [keyof typeof fill, string | null][])
        if (value) setValue(key, value, { shouldDirty: true, shouldValidate: form.formState.isSubmitted });
    } catch (error) {
      if (controller.signal.aborted) return;
      setError("issuer", {
        message:
          error instanceof LatchkeyError ? error.message : error instanceof Error ? error.message : String(error),
      });
    } finally {
      if (running.current === controller) setBusy(false);
    }
  };
  return (
    <div className="issuer">
      {grantType === "token_request" ? null : (
        <Controller
          control={control}
          name="issuer"
          render={({ field, fieldState }) => (
            <Field label="Issuer URL" hint="optional, fills the endpoints" error={fieldState.error?.message ?? null}>
              <Input
                {...field}
                code
                inputMode="url"
                placeholder="https://accounts.example.com"
                onBlur={() => {
                  field.onBlur();
                  void look(false);
                }}
                onKeyDown={(event) => {
                  if (event.key !== "Enter" || getValues("issuer").trim() === "") return;
                  // Enter looks the issuer up; the form is saved from elsewhere.
                  event.preventDefault();
                  void look(true);
                }}
                after={
                  <Button variant="plain" size="sm" className="in-input" busy={busy} onClick={() => void look(true)}>
                    <RotateCw className="i i-sm" aria-hidden />
                    {found ? "Look again" : "Look up"}
                  </Button>
                }
              />
            </Field>
          )}
        />
      )}
      {found ? (
        <Note tone={found.token_uri ? "ok" : "warn"} live>
          {foundWords(found)}
        </Note>
      ) : null}
      <div className="kv">
        {ENDPOINTS.filter(([name]) => browser || name !== "auth_uri").map(([name, label, example]) => (
          <Controller
            key={name}
            control={control}
            name={name}
            render={({ field, fieldState }) => (
              <div className="kv-row">
                <label htmlFor={`client-${name}`}>{label}</label>
                <input
                  {...field}
                  id={`client-${name}`}
                  placeholder={microsoft && name === "token_uri" ? MICROSOFT_TOKEN_URI : example}
                  inputMode="url"
                  autoComplete="off"
                  autoCapitalize="none"
                  spellCheck={false}
                  aria-invalid={fieldState.error ? true : undefined}
                  aria-describedby={fieldState.error ? `client-${name}-error` : undefined}
                  title={field.value || undefined}
                />
              </div>
            )}
          />
        ))}
      </div>
      {(["auth_uri", "token_uri"] as const).map((name) => {
        const message = form.formState.errors[name]?.message;
        return message ? (
          <FieldError key={name} id={`client-${name}-error`}>
            {message}
          </FieldError>
        ) : null;
      })}
    </div>
  );
}
