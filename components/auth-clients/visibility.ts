"use client";

import { useQuery } from "@tanstack/react-query";
import { api } from "@/components/frame/api";
import { workspaceQuery } from "@/components/frame/queries";
import type { Visibility } from "@/lib/sdk/resources";

export const VISIBILITY_WORDS: Record<Visibility, string> = {
  workspace: "Workspace",
  contract: "Contract",
  tenant: "Tenant",
  global: "Global",
};

export interface VisibilityChoice {
  value: Visibility;
  title: string;
  text: string;
  /** Who will own the client; null for global. */
  owner: { visibility: Exclude<Visibility, "global">; id: string } | null;
}

/**
 * Where a new client may live, seen from a workspace: there, and above it as far as the person's permissions reach. With one choice only
 * there is nothing to choose.
 */
export function useVisibilityChoices(workspaceId: string): VisibilityChoice[] {
  const { data } = useQuery(workspaceQuery(workspaceId));
  const places = data?.meta.auth_client_places ?? [];
  const contractId = data?.data.relationships?.contract?.data?.id ?? null;
  const above = places.some((place) => place === "contract" || place === "tenant");
  const contracts = useQuery({
    queryKey: ["contracts"],
    queryFn: ({ signal }) => api.workspaces.contracts({ signal }),
    enabled: above,
    staleTime: 60_000,
  });
  const contract = contracts.data?.data.find((other) => other.id === contractId);
  const tenantId = contract?.relationships?.tenant?.data?.id ?? null;
  const choices: VisibilityChoice[] = [
    {
      value: "workspace",
      title: "Workspace",
      text: data ? `Only ${data.data.attributes.name}` : "Only this workspace",
      owner: { visibility: "workspace", id: workspaceId },
    },
  ];
  if (contractId && places.includes("contract"))
    choices.push({
      value: "contract",
      title: "Contract",
      text: contract ? `All workspaces of ${contract.attributes.name}` : "All workspaces of the contract",
      owner: { visibility: "contract", id: contractId },
    });
  if (tenantId && places.includes("tenant"))
    choices.push({
      value: "tenant",
      title: "Tenant",
      text: "Every contract of the tenant",
      owner: { visibility: "tenant", id: tenantId },
    });
  if (places.includes("global"))
    choices.push({ value: "global", title: "Global", text: "Everyone on this server", owner: null });
  return choices;
}
