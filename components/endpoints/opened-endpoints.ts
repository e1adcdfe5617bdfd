"use client";

import { useQuery } from "@tanstack/react-query";
import { useMay } from "@/components/frame/use-may";
import type { AuthSecret, Endpoint } from "@/lib/sdk/resources";
import { OPENING_TYPE_NAMES } from "@/lib/secret-types";
import { openedQuery } from "./queries";

/** The endpoints that a secret opens, as far as they are known and may be seen. */
export function useOpenedEndpoints(workspaceId: string, secret: AuthSecret | null): Endpoint[] {
  const may = useMay(workspaceId);
  const opens = secret !== null && OPENING_TYPE_NAMES.includes(secret.attributes.type);
  const { data } = useQuery({
    ...openedQuery(workspaceId, secret?.id ?? ""),
    enabled: opens && may("workspaces.endpoint.get") === true,
  });
  return opens ? (data?.data ?? []) : [];
}
