import { queryOptions } from "@tanstack/react-query";
import { api } from "@/components/frame/api";

export const apiKeysQuery = queryOptions({
  queryKey: ["me", "api-keys"],
  queryFn: ({ signal }) => api.account.apiKeys({ signal }),
});

export const sessionsQuery = queryOptions({
  queryKey: ["me", "sessions"],
  queryFn: ({ signal }) => api.account.sessions({ signal }),
});

export const taskIdentitiesQuery = (workspaceId: string) =>
  queryOptions({
    queryKey: ["workspaces", workspaceId, "task-identities"],
    queryFn: ({ signal }) => api.workspaces.taskIdentities(workspaceId, { signal }),
  });
