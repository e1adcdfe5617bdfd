"use client";

import { useEffect, useState } from "react";
import { FilterChips } from "@/components/ui/filter-chips";
import { SearchField } from "@/components/ui/search-field";
import type { SecretListMeta } from "@/lib/sdk/secrets";
import { FilterMenus } from "./filter-menus";
import { fromSearch } from "./list-keys";
import type { useViewParams } from "./view-params";

const SEARCH_WAIT_MS = 200;

type Params = ReturnType<typeof useViewParams>;

export interface SearchText {
  typed: string;
  setTyped: (text: string) => void;
}

/** What is typed into the search field; the address, and with it the list, follows when the typing pauses. */
export function useSearchText(search: string, change: Params["change"]): SearchText {
  const [typed, setTyped] = useState(search);
  useEffect(() => {
    const text = typed.trim();
    const timer = setTimeout(() => change({ search: text || null }), SEARCH_WAIT_MS);
    return () => clearTimeout(timer);
  }, [typed, change]);
  return { typed, setTyped };
}

/** Filters and search above the list of secrets. */
export function SecretsToolbar({
  workspaceId,
  view,
  counts,
  text,
  change,
}: {
  workspaceId: string;
  view: Params["view"];
  counts: SecretListMeta["counts"] | undefined;
  text: SearchText;
  change: Params["change"];
}) {
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: only the arrow from the search field down into the list is heard here
    <div className="toolbar" onKeyDown={fromSearch}>
      <FilterChips
        label="Filter"
        value={view.status ?? "all"}
        onChange={(value) => change({ status: value === "all" ? null : value })}
        options={[
          { value: "all", label: "All", count: counts?.all },
          { value: "needs_person", label: "Needs a person", count: counts?.needs_person },
          { value: "trouble", label: "In trouble", count: counts?.trouble },
          { value: "working", label: "Working", count: counts?.working },
        ]}
      >
        <FilterMenus workspaceId={workspaceId} view={view} onChange={change} />
      </FilterChips>
      <SearchField
        label="Search secrets"
        placeholder="Search by name or client"
        value={text.typed}
        onChange={text.setTyped}
      />
    </div>
  );
}
