import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { api } from "@/components/frame/api";

/** Keys begin with `["webhooks", workspaceId]`. */

export const webhooksQuery = (workspaceId: string) =>
  queryOptions({
    queryKey: ["webhooks", workspaceId, "list"],
    queryFn: ({ signal }) => api.webhooks.list(workspaceId, { signal }),
  });

export const webhookQuery = (workspaceId: string, webhookId: string) =>
  queryOptions({
    queryKey: ["webhooks", workspaceId, "one", webhookId],
    queryFn: ({ signal }) => api.webhooks.get(workspaceId, webhookId, { signal }),
    refetchInterval: 15_000,
  });

/** The log; its first page moves by itself. */
export const deliveriesQuery = (workspaceId: string, webhookId: string, page: number) =>
  queryOptions({
    queryKey: ["webhooks", workspaceId, "deliveries", webhookId, page],
    queryFn: ({ signal }) => api.webhooks.deliveries(workspaceId, webhookId, page, { signal }),
    placeholderData: keepPreviousData,
    refetchInterval: page === 1 ? 5_000 : false,
  });

/** Secrets that may be put into a request, for the form. */
export const authSecretsQuery = (workspaceId: string) =>
  queryOptions({
    queryKey: ["secrets", workspaceId, "for-webhooks"],
    queryFn: ({ signal }) => api.secrets.list(workspaceId, { size: 100, sort: "name" }, { signal }),
    staleTime: 15_000,
  });
