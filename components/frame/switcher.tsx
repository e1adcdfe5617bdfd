"use client";

import { useQuery } from "@tanstack/react-query";
import { ChevronsUpDown, Plus } from "lucide-react";
import { useRouter } from "next/navigation";
import { Menu, type MenuEntry } from "@/components/ui/menu";
import { Skeleton } from "@/components/ui/skeleton";
import { Tile } from "@/components/ui/tile";
import { workspacesQuery } from "./queries";

export interface SwitcherProps {
  workspaceId: string | null;
  onNew: () => void;
}

/** Shows the workspace one is in, with its contract, and leads to the others, grouped by contract. */
export function Switcher({ workspaceId, onNew }: SwitcherProps) {
  const router = useRouter();
  const { data, isPending } = useQuery(workspacesQuery);
  const contractName = (id: string | undefined) => {
    const contract = data?.included.find((other) => other.type === "contract" && other.id === id);
    return typeof contract?.attributes.name === "string" ? contract.attributes.name : "";
  };
  const workspaces = (data?.data ?? []).map((workspace) => ({
    id: workspace.id,
    name: workspace.attributes.name,
    contract: contractName(workspace.relationships?.contract?.data?.id),
  }));
  const current = workspaces.find((workspace) => workspace.id === workspaceId);
  const contracts = [...new Set(workspaces.map((workspace) => workspace.contract))].sort((a, b) => a.localeCompare(b));
  const entries: MenuEntry[] = contracts.flatMap((contract) => [
    ...(contract ? [{ kind: "title" as const, label: contract }] : []),
    ...workspaces
      .filter((workspace) => workspace.contract === contract)
      .sort((a, b) => a.name.localeCompare(b.name))
      .map((workspace) => ({
        kind: "check" as const,
        label: workspace.name,
        checked: workspace.id === workspaceId,
        onSelect: () => router.push(`/workspaces/${workspace.id}/secrets`),
      })),
  ]);
  if (entries.length > 0) entries.push({ kind: "line" });
  entries.push({ label: "New workspace", icon: Plus, onSelect: onNew });
  const said = current ? `${current.name}${current.contract ? `, contract ${current.contract}` : ""}` : "none chosen";
  return (
    <Menu
      align="start"
      entries={entries}
      trigger={
        <button className="switcher" type="button" aria-label={`Workspace: ${said}. Switch workspace`}>
          {current ? <Tile name={current.name} seed={current.id} size="sm" /> : null}
          <span className="switcher-text">
            {current ? (
              <>
                <b className="trunc">{current.name}</b>
                <span className="trunc">{current.contract}</span>
              </>
            ) : isPending ? (
              <Skeleton w={16} />
            ) : (
              <b className="trunc">Choose a workspace</b>
            )}
          </span>
          <ChevronsUpDown className="i i-sm muted" aria-hidden />
        </button>
      }
    />
  );
}
