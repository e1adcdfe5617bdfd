import { queryOptions } from "@tanstack/react-query";
import { api } from "@/components/frame/api";
import type { AuthClientType } from "@/lib/sdk/resources";

/** Keys begin with `["auth-clients", workspaceId]`: clients are looked at from a workspace. */

/** The clients usable in a workspace: its own, its contract's, its tenant's and the global ones. */
export const clientsQuery = (workspaceId: string, type?: AuthClientType) =>
  queryOptions({
    queryKey: ["auth-clients", workspaceId, "list", type ?? "all"],
    queryFn: ({ signal }) => api.authClients.list({ workspaceId }, { ...(type ? { type } : {}), signal }),
    staleTime: 15_000,
  });

export const clientQuery = (workspaceId: string, clientId: string) =>
  queryOptions({
    queryKey: ["auth-clients", workspaceId, "one", clientId],
    queryFn: ({ signal }) => api.authClients.get(clientId, { workspaceId }, { signal }),
  });

/** The secrets that use a client, as far as they may be seen from here. */
export const clientUsageQuery = (workspaceId: string, clientId: string) =>
  queryOptions({
    queryKey: ["auth-clients", workspaceId, "usage", clientId],
    queryFn: ({ signal }) => api.authClients.usage(clientId, workspaceId, { signal }),
  });
