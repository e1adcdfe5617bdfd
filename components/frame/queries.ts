import { queryOptions } from "@tanstack/react-query";
import { api } from "./api";

/** What the frame and several screens read. Keys: `["secrets", workspaceId, …]` holds all of a workspace's secrets; drop it to reload them. */

export const meQuery = queryOptions({
  queryKey: ["me"],
  queryFn: ({ signal }) => api.account.me({ signal }),
  staleTime: 60_000,
});

export const workspacesQuery = queryOptions({
  queryKey: ["workspaces"],
  queryFn: ({ signal }) => api.workspaces.list({ signal }),
  staleTime: 60_000,
});

/** One workspace, with `meta.permissions`: what the person may do there. */
export const workspaceQuery = (workspaceId: string) =>
  queryOptions({
    queryKey: ["workspaces", workspaceId],
    queryFn: ({ signal }) => api.workspaces.get(workspaceId, { signal }),
    staleTime: 30_000,
  });

/** How many secrets there are and how many need a person. */
export const secretCountsQuery = (workspaceId: string) =>
  queryOptions({
    queryKey: ["secrets", workspaceId, "counts"],
    queryFn: async ({ signal }) => (await api.secrets.list(workspaceId, { size: 1 }, { signal })).meta.counts ?? null,
    refetchInterval: 30_000,
  });
