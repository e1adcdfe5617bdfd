"use client";

import { useQuery } from "@tanstack/react-query";
import { ChevronDown } from "lucide-react";
import { clientsQuery } from "@/components/auth-clients/queries";
import { Menu, type MenuEntry } from "@/components/ui/menu";
import { SECRET_TYPE_NAMES, SECRET_TYPES } from "@/lib/secret-types";
import type { SecretView } from "./queries";

/** Narrows the list by type and by auth client. */
export function FilterMenus({
  workspaceId,
  view,
  onChange,
}: {
  workspaceId: string;
  view: SecretView;
  onChange: (changes: Record<string, string | null>) => void;
}) {
  const clients = useQuery(clientsQuery(workspaceId));
  const list = [...(clients.data?.data ?? [])].sort((a, b) => a.attributes.name.localeCompare(b.attributes.name));
  const chosen = list.find((client) => client.id === view.authClient);
  const types: MenuEntry[] = [
    { kind: "check", label: "Every type", checked: view.type === null, onSelect: () => onChange({ type: null }) },
    { kind: "line" },
    ...SECRET_TYPE_NAMES.map((name) => ({
      kind: "check" as const,
      label: SECRET_TYPES[name].label,
      checked: view.type === name,
      onSelect: () => onChange({ type: name }),
    })),
  ];
  const clientEntries: MenuEntry[] = [
    {
      kind: "check",
      label: "Every client",
      checked: view.authClient === null,
      onSelect: () => onChange({ client: null }),
    },
    ...(list.length > 0 ? [{ kind: "line" as const }] : []),
    ...list.map((client) => ({
      kind: "check" as const,
      label: client.attributes.name,
      checked: client.id === view.authClient,
      onSelect: () => onChange({ client: client.id }),
    })),
  ];
  return (
    <>
      <Menu
        align="start"
        entries={types}
        trigger={
          <button className="filter-chip" type="button" data-on={view.type ? "" : undefined}>
            {view.type ? SECRET_TYPES[view.type].label : "Type"}
            <ChevronDown className="i i-sm" aria-hidden />
          </button>
        }
      />
      <Menu
        align="start"
        entries={clientEntries}
        trigger={
          <button className="filter-chip" type="button" data-on={view.authClient ? "" : undefined}>
            <span className="trunc filter-word">
              {view.authClient ? (chosen?.attributes.name ?? "One client") : "Client"}
            </span>
            <ChevronDown className="i i-sm" aria-hidden />
          </button>
        }
      />
    </>
  );
}
