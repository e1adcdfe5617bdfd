"use client";

import { X } from "lucide-react";
import Link from "next/link";
import { useState } from "react";
import { useSecretChoice } from "@/components/secrets/use-secret-choice";
import { Button } from "@/components/ui/button";
import { Combobox } from "@/components/ui/combobox";
import { Field } from "@/components/ui/field";
import type { AuthSecret, Endpoint } from "@/lib/sdk/resources";
import { OPENING_TYPE_NAMES } from "@/lib/secret-types";
import { typeWords } from "./endpoint-words";

/** The secrets that open an endpoint: chosen one by one, each with a way to take it out again. */
export function OpenersField({
  workspaceId,
  value,
  before,
  onChange,
  error,
}: {
  workspaceId: string;
  value: string[];
  /** Those it has, by name: the list to choose from may be too long to hold them. */
  before: Endpoint["attributes"]["opened_by"];
  onChange: (value: string[]) => void;
  error: string | null | undefined;
}) {
  const { secrets: all, error: failed, picker } = useSecretChoice(workspaceId, OPENING_TYPE_NAMES);
  // What was searched for and chosen keeps its name when something else is searched for.
  const [chosen, setChosen] = useState<AuthSecret[]>([]);
  const named = (id: string) =>
    [...all, ...chosen].find((secret) => secret.id === id)?.attributes ?? before.find((secret) => secret.id === id);
  const add = (id: string) => {
    setChosen((earlier) => [...earlier, ...all.filter((secret) => secret.id === id)]);
    onChange([...value, id]);
  };
  return (
    <Field
      label="Secrets that open it"
      labelAs="span"
      error={error ?? (failed ? "The secrets could not be loaded. Try again in a moment." : null)}
      help="Whoever knows one of them passes: a user name and password, an API key, or a token signed with the secret."
      after={
        value.length === 0 ? null : (
          <ul className="list openers">
            {value.map((id) => (
              <li key={id}>
                <div className="grow">
                  <b>{named(id)?.name ?? id}</b>
                  <div className="meta">{typeWords(named(id)?.type ?? null)}</div>
                </div>
                <Button
                  variant="plain"
                  size="sm"
                  icon
                  aria-label={`Take out ${named(id)?.name ?? id}`}
                  onClick={() => onChange(value.filter((other) => other !== id))}
                >
                  <X className="i" aria-hidden />
                </Button>
              </li>
            ))}
          </ul>
        )
      }
    >
      <Combobox
        items={all
          .filter(({ id }) => !value.includes(id))
          .map(({ id, attributes }) => ({ value: id, label: attributes.name, sub: typeWords(attributes.type) }))}
        value={null}
        onChange={add}
        {...picker}
        placeholder={value.length === 0 ? "Choose a secret" : "Choose another"}
        searchPlaceholder="Search secrets"
        noneText={
          all.length > 0 ? (
            "All that can open it are chosen."
          ) : (
            <>
              No secret here can open an endpoint.{" "}
              <Link className="link" href={`/workspaces/${workspaceId}/secrets/new`}>
                Add one
              </Link>{" "}
              of type Basic auth, API key, HS256 or RS256.
            </>
          )
        }
      />
    </Field>
  );
}
