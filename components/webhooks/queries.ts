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
