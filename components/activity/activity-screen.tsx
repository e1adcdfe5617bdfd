"use client";

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Ban, Check, ChevronDown, TriangleAlert } from "lucide-react";
import { usePathname, useRouter, useSearchParams } from "next/navigation";
import { useEffect, useState } from "react";
import { api } from "@/components/frame/api";
import { Button } from "@/components/ui/button";
import { EmptyState } from "@/components/ui/empty-state";
import { LoadError } from "@/components/ui/load-error";
import { LogTable } from "@/components/ui/log-table";
import { Menu, type MenuEntry } from "@/components/ui/menu";
import { PageHead } from "@/components/ui/page-head";
import { RelativeTime } from "@/components/ui/relative-time";
import { SkeletonRows } from "@/components/ui/skeleton-rows";
import { LatchkeyError } from "@/lib/sdk/errors";
import type { Activity } from "@/lib/sdk/resources";
import { actionWords, deed } from "./action-words";
import { detailWords } from "./detail-words";

const SIZE = 50;
const OUTCOMES = {
  allowed: { icon: Check, word: "Done", className: "tone-quiet" },
  denied: { icon: Ban, word: "Refused", className: "tone-danger" },
  failed: { icon: TriangleAlert, word: "Failed", className: "tone-warn" },
} as const;
const VIA: Record<string, string> = {
  session: "in the console",
  "api-key": "with an API key",
  inbound: "through a proxy",
  refresher: "by itself",
  webhook: "by itself",
  command: "from the terminal",
  start: "at a start",
  keyring: "by itself",
  job: "by itself",
};

/** What happened in a workspace, newest first: filters and page live in the address, so a view can be sent to a colleague. */
export function ActivityScreen({ workspaceId }: { workspaceId: string }) {
  const router = useRouter();
  const path = usePathname();
  const params = useSearchParams();
  const page = Math.max(1, Math.floor(Number(params.get("page")) || 1));
  const secret = params.get("secret");
  const action = params.get("action");
  const go = (change: Record<string, string | null>) => {
    const next = new URLSearchParams(params);
    next.delete("page");
    for (const [key, value] of Object.entries(change))
      if (value === null) next.delete(key);
      else next.set(key, value);
    router.replace(`${path}${next.size > 0 ? `?${next}` : ""}`, { scroll: false });
  };

  const list = useQuery({
    queryKey: ["activity", workspaceId, { page, secret, action }],
    queryFn: ({ signal }) => api.workspaces.activity(workspaceId, { page, size: SIZE, secret, action }, { signal }),
    placeholderData: keepPreviousData,
    refetchInterval: page === 1 ? 15_000 : false,
  });
  const secrets = useQuery({
    queryKey: ["secrets", workspaceId, "names"],
    queryFn: ({ signal }) => api.secrets.list(workspaceId, { size: 100, sort: "name" }, { signal }),
    staleTime: 30_000,
  });
  const secretName = secrets.data?.data.find((item) => item.id === secret)?.attributes.name;
  // What can be chosen is what was seen so far: the audit's own names, not a list of ours that would grow stale.
  const [seen, setSeen] = useState<readonly string[]>([]);
  useEffect(() => {
    const found = (list.data?.data ?? []).map((row) => row.attributes.action);
    setSeen((old) => (found.every((name) => old.includes(name)) ? old : [...new Set([...old, ...found])]));
  }, [list.data]);
  const actions = [...new Set([...seen, ...(action ? [action] : [])])].sort((a, b) =>
    actionWords(a).localeCompare(actionWords(b)),
  );
  const secretEntries: MenuEntry[] = [
    { kind: "check", label: "All secrets", checked: !secret, onSelect: () => go({ secret: null }) },
    { kind: "line" },
    ...(secrets.data?.data ?? []).map((item) => ({
      kind: "check" as const,
      label: item.attributes.name,
      checked: item.id === secret,
      onSelect: () => go({ secret: item.id }),
    })),
  ];
  const actionEntries: MenuEntry[] = [
    { kind: "check", label: "Everything", checked: !action, onSelect: () => go({ action: null }) },
    { kind: "line" },
    ...actions.map((item) => ({
      kind: "check" as const,
      label: actionWords(item),
      checked: item === action,
      onSelect: () => go({ action: item }),
    })),
  ];
  const refused = list.error instanceof LatchkeyError && list.error.status === 403;
  const rows = list.data?.data ?? [];
  const filtered = Boolean(secret || action);

  return (
    <div className="page">
      <PageHead title="Activity" />
      <div className="toolbar">
        {/* biome-ignore lint/a11y/useSemanticElements: a fieldset would bring form semantics to what is a toolbar */}
        <div className="filters" role="group" aria-label="Filter">
          <Menu
            align="start"
            entries={secretEntries}
            trigger={
              <button className="filter-chip" type="button" data-on={secret ? "" : undefined}>
                {secret ? (secretName ?? "One secret") : "Secret"}
                <ChevronDown className="i i-sm" aria-hidden />
              </button>
            }
          />
          <Menu
            align="start"
            entries={actionEntries}
            trigger={
              <button className="filter-chip" type="button" data-on={action ? "" : undefined}>
                {action ? actionWords(action) : "What happened"}
                <ChevronDown className="i i-sm" aria-hidden />
              </button>
            }
          />
          {filtered ? (
            <Button variant="plain" size="sm" onClick={() => go({ secret: null, action: null })}>
              Clear filters
            </Button>
          ) : null}
        </div>
      </div>
      {list.isPending ? (
        <div className="card">
          <SkeletonRows rows={8} label="Loading activity" />
        </div>
      ) : list.error && !list.data ? (
        <div className="card">
          {refused ? (
            <EmptyState small title="You may not see the activity here">
              It needs the right to see what happened in the workspace. Ask its owner.
            </EmptyState>
          ) : (
            <LoadError title="The activity could not be loaded." query={list} />
          )}
        </div>
      ) : rows.length === 0 ? (
        <div className="card">
          {filtered || page > 1 ? (
            <EmptyState
              small
              title="Nothing matches"
              actions={<Button onClick={() => go({ secret: null, action: null })}>Clear filters</Button>}
            />
          ) : (
            <EmptyState small title="Nothing happened yet">
              Every change, every reading of a token and every refusal will be listed here, with who, when and how.
            </EmptyState>
          )}
        </div>
      ) : (
        <LogTable
          caption="What happened, newest first"
          page={page}
          totalPages={list.data?.meta.total_pages}
          onPage={(next) => go({ page: next === 1 ? null : String(next) })}
          foot={list.data?.meta.total === undefined ? "" : `${list.data.meta.total} entries`}
        >
          {rows.map((row) => (
            <ActivityRow key={row.id} {...row.attributes} />
          ))}
        </LogTable>
      )}
    </div>
  );
}

function ActivityRow({
  at,
  actor,
  action,
  outcome,
  target,
  via,
  request_id,
  host,
  detail,
  source,
}: Activity["attributes"]) {
  const result = OUTCOMES[outcome as keyof typeof OUTCOMES] ?? { icon: Check, word: outcome, className: "tone-quiet" };
  const Icon = result.icon;
  const [words, name] = deed(action, target);
  const more = detailWords(detail, name !== null);
  return (
    <tr>
      <td className="a-when">
        <RelativeTime at={at} />
      </td>
      <td className="a-what">
        <div>
          {words} {name ? <b>{name}</b> : null}
          {!name && target?.id ? <span className="code">{target.id}</span> : null}
        </div>
        {host ? <div className="a-more">to {host}</div> : null}
        {more ? <div className="a-more">{more}</div> : null}
      </td>
      <td className="a-who">
        <div>{actor?.name ?? (actor?.kind === "anonymous" ? "Somebody not signed in" : "Latchkey")}</div>
        <div className="a-more trunc" title={[source, request_id].filter(Boolean).join(" · ") || undefined}>
          {[via ? (VIA[via] ?? via) : null, source].filter(Boolean).join(", ")}
        </div>
      </td>
      <td className="a-result">
        <span className={`result ${result.className}`}>
          <Icon className="i i-sm" aria-hidden />
          {result.word}
        </span>
      </td>
    </tr>
  );
}
