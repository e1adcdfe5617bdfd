"use client";

import { useQuery } from "@tanstack/react-query";
import { clientsQuery } from "@/components/auth-clients/queries";
import { VISIBILITY_WORDS } from "@/components/auth-clients/visibility";
import { Button } from "@/components/ui/button";
import { Combobox } from "@/components/ui/combobox";
import { Field } from "@/components/ui/field";
import { Note } from "@/components/ui/note";
import { visibilityOf } from "@/lib/sdk/auth-clients";

/** **Choose Auth Client**: only clients usable here for oauth2, each with visibility and host; the last entry adds a new one. */
export function ClientField({
  workspaceId,
  value,
  onChange,
  onNew,
  mayAdd,
  error,
}: {
  workspaceId: string;
  value: string | null;
  onChange: (id: string) => void;
  onNew: (typed: string) => void;
  mayAdd: boolean;
  error: string | null;
}) {
  const clients = useQuery(clientsQuery(workspaceId, "oauth2"));
  const list = clients.data?.data ?? [];
  const problem = list.find((client) => client.id === value)?.attributes.problem;
  return (
    <Field
      label="Choose Auth Client"
      labelAs="span"
      error={error}
      after={
        clients.error ? (
          <Note tone="warn" live>
            The auth clients could not be loaded. {clients.error.message}{" "}
            <Button variant="plain" size="sm" className="advice-add" onClick={() => void clients.refetch()}>
              Try again
            </Button>
          </Note>
        ) : problem ? (
          <Note tone="warn">
            {problem.title.replace(/\.?$/u, ".")} {problem.detail}
          </Note>
        ) : null
      }
    >
      <Combobox
        items={[...list]
          .sort((a, b) => a.attributes.name.localeCompare(b.attributes.name))
          .map((client) => ({
            value: client.id,
            label: client.attributes.name,
            sub: client.attributes.host,
            tag: VISIBILITY_WORDS[visibilityOf(client)],
          }))}
        value={value}
        onChange={onChange}
        loading={clients.isPending}
        placeholder="Choose a client"
        searchPlaceholder="Search clients"
        emptyText="No client matches."
        noneText={
          mayAdd
            ? "No client can be used here yet. Add the first one below."
            : "No client can be used here yet. Ask someone who may add one."
        }
        {...(mayAdd ? { pinned: { label: "+Add New Client", onSelect: onNew } } : {})}
      />
    </Field>
  );
}
