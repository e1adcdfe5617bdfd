"use client";

import { usePathname, useSearchParams } from "next/navigation";
import { useCallback, useMemo } from "react";
import type { SecretType } from "@/lib/sdk/resources";
import type { SecretFilter } from "@/lib/sdk/secrets";
import { isSecretType } from "@/lib/secret-types";
import type { SecretView } from "./queries";

const FILTERS: readonly SecretFilter[] = ["needs_person", "trouble", "working"];

/**
 * What the list shows lives in the address, so that a view, or the drawer of one secret (`manage`), can be sent to a colleague. Changes go
 * through the browser's history, not the router: nothing is fetched for them.
 */
export function useViewParams() {
  const path = usePathname();
  const params = useSearchParams();
  const change = useCallback(
    (changes: Record<string, string | null>, how: "replace" | "push" = "replace") => {
      const next = new URLSearchParams(window.location.search);
      for (const [key, value] of Object.entries(changes))
        if (value === null || value === "") next.delete(key);
        else next.set(key, value);
      const address = `${path}${next.size > 0 ? `?${next}` : ""}`;
      if (address === window.location.pathname + window.location.search) return;
      if (how === "push") window.history.pushState(null, "", address);
      else window.history.replaceState(null, "", address);
    },
    [path],
  );
  const status = params.get("status") as SecretFilter | null;
  const type = params.get("type");
  const view = useMemo(
    (): SecretView => ({
      search: (params.get("search") ?? "").trim(),
      status: status && FILTERS.includes(status) ? status : null,
      type: type && isSecretType(type) ? (type satisfies SecretType) : null,
      authClient: params.get("client"),
    }),
    [params, status, type],
  );
  return { view, manage: params.get("manage"), authorized: params.get("authorized"), change };
}
