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

/** The tenants one sees, with what one may do there. */
export const tenantsQuery = queryOptions({
  queryKey: ["tenants"],
  queryFn: ({ signal }) => api.people.tenants({ signal }),
  staleTime: 60_000,
});

export const peopleQuery = (tenantId: string | null, page: number) =>
  queryOptions({
    queryKey: ["people", tenantId, page],
    queryFn: ({ signal }) => api.people.list(tenantId, page, { signal }),
  });

export const personSessionsQuery = (userId: string) =>
  queryOptions({
    queryKey: ["people", "sessions", userId],
    queryFn: ({ signal }) => api.people.sessions(userId, { signal }),
  });
