"use client";

import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { type RefObject, useEffect, useMemo, useRef } from "react";
import { meQuery } from "@/components/frame/queries";
import type { AuthSecret } from "@/lib/sdk/resources";
import { addedBy, type ClientSummary, clientOf } from "./included";
import { type SecretView, secretsQuery } from "./queries";

/** One secret of the list with the names of its client and of who added it. */
export interface ListedSecret {
  secret: AuthSecret;
  client: ClientSummary | null;
  by: string | null;
}

/**
 * The secrets of a view, page after page, each once.
 *
 * @returns the query itself, its rows and counts, and `tail` for an element after the last row: coming near it loads the next page
 */
export function useSecretList(workspaceId: string, view: SecretView) {
  const list = useInfiniteQuery(secretsQuery(workspaceId, view));
  const { data: me } = useQuery(meQuery);
  const pages = list.data?.pages;
  const rows = useMemo((): ListedSecret[] => {
    const seen = new Map<string, AuthSecret>();
    // A secret whose place changed between two pages would be there twice.
    for (const page of pages ?? [])
      for (const secret of page.data) if (!seen.has(secret.id)) seen.set(secret.id, secret);
    return [...seen.values()].map((secret) => ({
      secret,
      client: clientOf(secret, pages ?? []),
      by: addedBy(secret, pages ?? [], me?.data ?? null),
    }));
  }, [pages, me]);
  const meta = pages?.[0]?.meta;
  return { list, rows, counts: meta?.counts, total: meta?.total, tail: useTail(list) };
}

function useTail(list: {
  hasNextPage: boolean;
  isFetchingNextPage: boolean;
  fetchNextPage: () => Promise<unknown>;
}): RefObject<HTMLDivElement | null> {
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = list;
  const tail = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const end = tail.current;
    if (!end || !hasNextPage || isFetchingNextPage) return;
    const watcher = new IntersectionObserver(
      (seen) => {
        if (seen.some((entry) => entry.isIntersecting)) void fetchNextPage();
      },
      { rootMargin: "800px" },
    );
    watcher.observe(end);
    return () => watcher.disconnect();
  }, [hasNextPage, isFetchingNextPage, fetchNextPage]);
  return tail;
}
