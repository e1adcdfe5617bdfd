import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { api } from "@/components/frame/api";
import type { SecretType } from "@/lib/sdk/resources";
import type { SecretFilter } from "@/lib/sdk/secrets";

/** All keys begin with `["secrets", workspaceId]`, so that one call drops everything known about a workspace's secrets. */

/** What the list shows: filters and the words searched for. */
export interface SecretView {
  search: string;
  status: SecretFilter | null;
  type: SecretType | null;
  authClient: string | null;
}

const PAGE = 100;
const EVENTS = 20;

export const secretListsKey = (workspaceId: string) => ["secrets", workspaceId, "list"] as const;

/** A workspace's secrets, trouble first, page by page. */
export const secretsQuery = (workspaceId: string, view: SecretView) =>
  infiniteQueryOptions({
    queryKey: [...secretListsKey(workspaceId), view],
    queryFn: ({ pageParam, signal }) =>
      api.secrets.list(workspaceId, { ...view, page: pageParam, size: PAGE, sort: "attention" }, { signal }),
    initialPageParam: 1,
    getNextPageParam: ({ meta }) => (meta.page < meta.total_pages ? meta.page + 1 : undefined),
    placeholderData: keepPreviousData,
  });

export const secretQuery = (workspaceId: string, secretId: string) =>
  queryOptions({
    queryKey: ["secrets", workspaceId, "one", secretId],
    queryFn: ({ signal }) => api.secrets.get(workspaceId, secretId, { signal }),
  });

/** What happened to a secret, newest first. */
export const historyQuery = (workspaceId: string, secretId: string) =>
  infiniteQueryOptions({
    queryKey: ["secrets", workspaceId, "history", secretId],
    queryFn: ({ pageParam, signal }) => api.secrets.history(workspaceId, secretId, pageParam, EVENTS, { signal }),
    initialPageParam: 1,
    getNextPageParam: (last, _all, page) =>
      last.meta.total_pages === undefined
        ? last.data.length === EVENTS
          ? page + 1
          : undefined
        : page < last.meta.total_pages
          ? page + 1
          : undefined,
  });

/** What the redirect URI of a secret with this name and client will be; the server knows its own address and what is taken. */
export const redirectUriQuery = (workspaceId: string, name: string, clientId: string | null) =>
  queryOptions({
    queryKey: ["secrets", workspaceId, "redirect-uri", { name, clientId }],
    queryFn: async ({ signal }) =>
      (await api.secrets.redirectUri(workspaceId, name, clientId, { signal })).data.attributes,
    placeholderData: keepPreviousData,
    staleTime: 10_000,
  });

/** Why the last authorization failed; `reason` is what the page's address says, for failures that belong to no attempt. */
export const failureQuery = (workspaceId: string, secretId: string, reason: string | null) =>
  queryOptions({
    queryKey: ["secrets", workspaceId, "failure", secretId, reason],
    queryFn: async ({ signal }) =>
      (await api.secrets.authorizationFailure(workspaceId, secretId, reason, { signal })).data.attributes,
    refetchOnWindowFocus: false,
  });
