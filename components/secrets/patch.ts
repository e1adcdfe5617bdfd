import type { InfiniteData, QueryClient } from "@tanstack/react-query";
import type { List, Single } from "@/lib/sdk/client";
import type { AuthSecret } from "@/lib/sdk/resources";
import type { SecretListMeta } from "@/lib/sdk/secrets";
import { secretListsKey, secretQuery } from "./queries";

type Page = List<AuthSecret, SecretListMeta>;

/** Puts a newly read secret in its place in every list that shows it and in its own entry. Answers whether its status is another than the lists knew. */
export function patchSecret(queries: QueryClient, workspaceId: string, answer: Single<AuthSecret>): boolean {
  let moved = false;
  let seen = false;
  queries.setQueriesData<InfiniteData<Page>>({ queryKey: secretListsKey(workspaceId) }, (old) => {
    if (!old) return old;
    const pages = old.pages.map((page) => {
      const known = page.data.find((secret) => secret.id === answer.data.id);
      if (!known) return page;
      seen = true;
      moved ||= known.attributes.status !== answer.data.attributes.status;
      // One secret read by itself does not say when it was last used; the list does, and what it said still holds.
      const { last_used_at } = known.attributes;
      const fresh = { ...answer.data, attributes: { last_used_at, ...answer.data.attributes } };
      return { ...page, data: page.data.map((secret) => (secret === known ? fresh : secret)) };
    });
    return { ...old, pages };
  });
  queries.setQueryData(secretQuery(workspaceId, answer.data.id).queryKey, answer);
  return moved || !seen;
}
