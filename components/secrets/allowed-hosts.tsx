"use client";

import { type Control, Controller } from "react-hook-form";
import { ChipInput } from "@/components/ui/chip-input";
import { Field } from "@/components/ui/field";
import type { AuthClient, AuthSecret } from "@/lib/sdk/resources";
import { SECRET_TYPES, type SecretTypeName } from "@/lib/secret-types";
import type { SecretType } from "@/lib/secret-types/secret-type";
import { HOST_WORDS } from "./host-words";
import type { SecretForm } from "./secret-form";

/** The hosts to which Latchkey may send a secret: in its form, and as a fact of the secret. */

/** @param client its own hosts are offered; the API is often another one */
export function AllowedHostsField({
  control,
  type,
  client = null,
}: {
  control: Control<SecretForm>;
  type: SecretTypeName;
  client?: AuthClient | null;
}) {
  if (!makesRequests(type)) return null;
  const suggestions = hostsOf(client);
  return (
    <Controller
      control={control}
      name="hosts"
      render={({ field, fieldState }) => (
        <Field
          label="Allowed hosts"
          error={fieldState.error?.message ?? null}
          help="Where Latchkey may send this secret when it makes a request with it: api.example.com, *.example.com, or less of it, such as GET,POST api.example.com/v1/. None: nowhere."
        >
          <ChipInput
            value={field.value}
            onChange={field.onChange}
            suggestions={suggestions}
            suggestionsLabel="Of its auth client:"
            words={HOST_WORDS}
          />
        </Field>
      )}
    />
  );
}

export function AllowedHostsFact({ secret }: { secret: AuthSecret }) {
  const { type, allowed_hosts: hosts, visible } = secret.attributes;
  if (!makesRequests(type) || visible?.use === "encrypt") return null;
  return (
    <div className="fact">
      <dt>Allowed hosts</dt>
      <dd className="val">
        {hosts.length > 0 ? hosts.join(", ") : <span className="muted">None: no requests through Latchkey</span>}
      </dd>
      <dd className="fact-acts" />
    </div>
  );
}

function makesRequests(type: SecretTypeName): boolean {
  const { injects }: SecretType = SECRET_TYPES[type];
  return injects !== null;
}

/** The hosts an auth client names itself, each once. */
function hostsOf(client: AuthClient | null): string[] {
  const { token_uri, auth_uri } = client?.attributes.credentials ?? {};
  const urls = [token_uri, auth_uri].filter((uri) => uri !== undefined && URL.canParse(uri));
  const hosts = urls.map((uri) => new URL(uri as string).host);
  return [...new Set(client?.attributes.host ? [...hosts, client.attributes.host] : hosts)];
}
