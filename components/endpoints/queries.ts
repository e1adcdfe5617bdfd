import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { api } from "@/components/frame/api";

/** Keys begin with `["endpoints", workspaceId]`. */

export const endpointsQuery = (workspaceId: string, page: number, search: string) =>
  queryOptions({
    queryKey: ["endpoints", workspaceId, "list", page, search],
    queryFn: ({ signal }) => api.endpoints.list(workspaceId, page, { search }, { signal }),
    placeholderData: keepPreviousData,
  });

/** Those that a secret opens. */
export const openedQuery = (workspaceId: string, secretId: string) =>
  queryOptions({
    queryKey: ["endpoints", workspaceId, "list", "opened", secretId],
    queryFn: ({ signal }) => api.endpoints.list(workspaceId, 1, { secret: secretId }, { signal }),
  });

export const endpointQuery = (workspaceId: string, endpointId: string) =>
  queryOptions({
    queryKey: ["endpoints", workspaceId, "one", endpointId],
    queryFn: ({ signal }) => api.endpoints.get(workspaceId, endpointId, { signal }),
  });

/** What was asked lately; somebody who looks is waiting for the next line. */
export const checksQuery = (workspaceId: string, endpointId: string, page: number) =>
  queryOptions({
    queryKey: ["endpoints", workspaceId, "checks", endpointId, page],
    queryFn: ({ signal }) => api.endpoints.checks(workspaceId, endpointId, page, { signal }),
    placeholderData: keepPreviousData,
    refetchInterval: page === 1 ? 5_000 : false,
  });
