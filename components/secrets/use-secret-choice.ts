"use client";

import { queryOptions, useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { api } from "@/components/frame/api";
import { usePaused } from "@/components/ui/use-paused";
import type { AuthSecret } from "@/lib/sdk/resources";
import type { SecretTypeName } from "@/lib/secret-types";

const SIZE = 100;

/** @param types null: all of them */
const choiceQuery = (workspaceId: string, types: readonly SecretTypeName[] | null, search: string) =>
  queryOptions({
    queryKey: ["secrets", workspaceId, "choice", types, search],
    queryFn: async ({ signal }) => {
      const lists = await Promise.all(
        (types ?? [undefined]).map((type) =>
          api.secrets.list(
            workspaceId,
            { size: SIZE, sort: "name", ...(type ? { type } : {}), ...(search ? { search } : {}) },
            { signal },
          ),
        ),
      );
      return {
        secrets: lists.flatMap(({ data }) => data),
        /** Whether these are all there are. */
        whole: lists.every(({ data, meta }) => data.length >= meta.total),
      };
    },
    staleTime: 10_000,
  });

/**
 * Secrets to choose from, for a `Combobox`: the first by name at once, and where there are more, those that the server finds for what is
 * typed.
 */
export function useSecretChoice(workspaceId: string, types: readonly SecretTypeName[] | null) {
  const [typed, setTyped] = useState("");
  const search = usePaused(typed);
  const first = useQuery(choiceQuery(workspaceId, types, ""));
  const more = first.data?.whole === false;
  const found = useQuery({ ...choiceQuery(workspaceId, types, search), enabled: more && search !== "" });
  const secrets = useMemo((): AuthSecret[] => {
    const all = [...(first.data?.secrets ?? []), ...(search === "" ? [] : (found.data?.secrets ?? []))];
    return [...new Map(all.map((secret) => [secret.id, secret])).values()].sort((a, b) =>
      a.attributes.name.localeCompare(b.attributes.name),
    );
  }, [first.data, found.data, search]);
  return {
    secrets,
    error: first.error ?? found.error,
    /** For the `Combobox`. */
    picker: {
      loading: first.isPending,
      searching: more && typed.trim() !== "" && (typed.trim() !== search || found.isFetching),
      onSearch: setTyped,
      ...(more ? { hint: "There are more. Type a part of the name to find them." } : {}),
    },
  };
}
