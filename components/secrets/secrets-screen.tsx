"use client";

import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { Check, Plus, RotateCw } from "lucide-react";
import Link from "next/link";
import { useRouter } from "next/navigation";
import { type KeyboardEvent, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { ReauthCancelled, withReauth } from "@/components/accounts/reauth";
import { api } from "@/components/frame/api";
import { meQuery } from "@/components/frame/queries";
import { useMay } from "@/components/frame/use-may";
import { Button } from "@/components/ui/button";
import { EmptyState } from "@/components/ui/empty-state";
import { FilterChips } from "@/components/ui/filter-chips";
import { Kbd } from "@/components/ui/kbd";
import { LoadError } from "@/components/ui/load-error";
import { PageHead } from "@/components/ui/page-head";
import { moveInRows } from "@/components/ui/row-keys";
import { SearchField } from "@/components/ui/search-field";
import { SkeletonRows } from "@/components/ui/skeleton-rows";
import { Table } from "@/components/ui/table";
import { useToast } from "@/components/ui/toast";
import { TroubleLine } from "@/components/ui/trouble-line";
import { LatchkeyError } from "@/lib/sdk/errors";
import type { AuthSecret } from "@/lib/sdk/resources";
import { goAuthorize } from "./authorize";
import { DeleteSecret } from "./delete-secret";
import { FilterMenus } from "./filter-menus";
import { addedBy, clientOf } from "./included";
import { JustAuthorized } from "./just-authorized";
import { ManageDrawer } from "./manage-drawer";
import { patchSecret } from "./patch";
import { secretQuery, secretsQuery } from "./queries";
import { RenameDialog } from "./rename-dialog";
import type { SecretAct } from "./secret-menu";
import { SecretRow } from "./secret-row";
import { useLive } from "./use-live";
import { useViewParams } from "./view-params";

const COLS = ["c-name", "c-type", "c-client", "c-status", "c-by wide-only", "c-used wide-only", "c-act"];
const SEARCH_WAIT_MS = 200;

/** The home page: a workspace's secrets, trouble first, changing by themselves. */
export function SecretsScreen({ workspaceId }: { workspaceId: string }) {
  const router = useRouter();
  const queries = useQueryClient();
  const toast = useToast();
  const may = useMay(workspaceId);
  const liveness = useLive(workspaceId);
  const { view, manage, authorized, change } = useViewParams();
  const [typed, setTyped] = useState(view.search);
  const [failure, setFailure] = useState<{ title: string; text: string } | null>(null);
  const [leaving, setLeaving] = useState<string | null>(null);
  const [renaming, setRenaming] = useState<AuthSecret | null>(null);
  const [doomed, setDoomed] = useState<AuthSecret | null>(null);
  const opened = useRef(false);

  const list = useInfiniteQuery(secretsQuery(workspaceId, view));
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = list;
  const arrived = useQuery({ ...secretQuery(workspaceId, authorized ?? ""), enabled: authorized !== null });

  const { data: me } = useQuery(meQuery);
  const pages = list.data?.pages;
  const rows = useMemo(() => {
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
  const counts = meta?.counts;
  const filtered = view.search !== "" || view.status !== null || view.type !== null || view.authClient !== null;
  const clear = () => {
    setTyped("");
    change({ search: null, status: null, type: null, client: null });
  };

  useEffect(() => {
    const text = typed.trim();
    const timer = setTimeout(() => change({ search: text || null }), SEARCH_WAIT_MS);
    return () => clearTimeout(timer);
  }, [typed, change]);

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

  // Arrows reach the list from anywhere on the page where they mean nothing else.
  useEffect(() => {
    const onKeyDown = (event: globalThis.KeyboardEvent) => {
      if (event.key !== "ArrowDown" || event.defaultPrevented) return;
      // The page's main part takes the focus when it is clicked; anything else that has it knows arrows of its own.
      const active = document.activeElement;
      if (active !== document.body && active?.id !== "main") return;
      const first = document.querySelector<HTMLElement>("[data-row]");
      if (!first) return;
      event.preventDefault();
      first.focus();
    };
    document.addEventListener("keydown", onKeyDown);
    return () => document.removeEventListener("keydown", onKeyDown);
  }, []);
  const fromSearch = (event: KeyboardEvent<HTMLElement>) => {
    if (event.key !== "ArrowDown" || !(event.target instanceof HTMLInputElement)) return;
    event.preventDefault();
    document.querySelector<HTMLElement>("[data-row]")?.focus();
  };

  // The row just authorized may lie below what is on the screen.
  const arrivedId = arrived.data?.data.id;
  useEffect(() => {
    if (arrivedId)
      document.querySelector(`[data-secret="${CSS.escape(arrivedId)}"]`)?.scrollIntoView({ block: "nearest" });
  }, [arrivedId]);

  const open = useCallback(
    (id: string) => {
      opened.current = true;
      change({ manage: id }, "push");
    },
    [change],
  );
  const close = useCallback(() => {
    // What was opened by a click is closed by going back, so that the browser's back button does not open it again.
    if (opened.current) {
      opened.current = false;
      window.history.back();
    } else change({ manage: null });
  }, [change]);

  const perform = useCallback(
    async (act: SecretAct, secret: AuthSecret) => {
      const name = secret.attributes.name;
      setFailure(null);
      if (act === "manage") return open(secret.id);
      if (act === "rename") return setRenaming(secret);
      if (act === "delete") return setDoomed(secret);
      if (act === "edit") return router.push(`/workspaces/${workspaceId}/secrets/${secret.id}/edit`);
      try {
        if (act === "authorize") {
          setLeaving(secret.id);
          await withReauth(() => goAuthorize(workspaceId, secret.id));
          return;
        }
        const answer = await withReauth(() => api.secrets.refresh(workspaceId, secret.id));
        patchSecret(queries, workspaceId, { ...answer, meta: {} });
        const trouble = answer.meta.refresh;
        if (trouble)
          setFailure({
            title: `“${name}” was not renewed.`,
            text: trouble.detail ?? "The token it has is still used.",
          });
        else toast({ title: `“${name}” has a new access token.` });
      } catch (error) {
        setLeaving(null);
        if (error instanceof ReauthCancelled) return;
        setFailure({
          title: act === "authorize" ? `“${name}” could not be authorized.` : `“${name}” was not renewed.`,
          text: error instanceof Error ? error.message : String(error),
        });
      }
    },
    [open, queries, router, toast, workspaceId],
  );
  const onAct = useCallback((act: SecretAct, secret: AuthSecret) => void perform(act, secret), [perform]);

  // Coming back with the browser's back button shows the page as it was left, button still busy.
  useEffect(() => {
    const onShow = (event: PageTransitionEvent) => {
      if (event.persisted) setLeaving(null);
    };
    window.addEventListener("pageshow", onShow);
    return () => window.removeEventListener("pageshow", onShow);
  }, []);

  const refused = list.error instanceof LatchkeyError && (list.error.status === 403 || list.error.status === 404);
  const mayAdd = may("workspaces.auth_secret.create") !== false;
  const needs = counts?.needs_person ?? 0;
  const addHref = `/workspaces/${workspaceId}/secrets/new`;
  const first = list.data && rows.length === 0 && !filtered;

  return (
    <div className="page">
      <PageHead
        title="Secrets"
        count={counts ? { n: counts.all, label: counts.all === 1 ? "secret" : "secrets" } : undefined}
      >
        {mayAdd && !refused && !first ? (
          <Button variant="primary" asChild>
            <Link href={addHref} data-add>
              <Plus className="i" aria-hidden />
              Add secret
              <Kbd>N</Kbd>
            </Link>
          </Button>
        ) : null}
      </PageHead>

      {authorized && arrived.data?.data.attributes.has_access_token ? (
        <JustAuthorized
          workspaceId={workspaceId}
          secret={arrived.data.data}
          onManage={() => open(authorized)}
          onClose={() => change({ authorized: null })}
        />
      ) : null}
      {failure ? (
        <TroubleLine
          alert
          title={failure.title}
          action={
            <Button size="sm" onClick={() => setFailure(null)}>
              Close
            </Button>
          }
        >
          {failure.text}
        </TroubleLine>
      ) : null}
      {needs > 0 && view.status !== "needs_person" ? (
        <TroubleLine
          title={needs === 1 ? "1 secret needs a person." : `${needs} secrets need a person.`}
          action={
            <Button size="sm" onClick={() => change({ status: "needs_person" })}>
              {needs === 1 ? "Show only this" : "Show only these"}
            </Button>
          }
        >
          {needs === 1 ? "It does not renew until someone acts." : "They do not renew until someone acts."}
        </TroubleLine>
      ) : null}

      {list.isPending ? (
        <>
          <Toolbar {...{ workspaceId, view, counts, typed, setTyped, change, fromSearch }} />
          <div className="card">
            <SkeletonRows rows={8} label="Loading secrets" />
          </div>
        </>
      ) : list.error && !list.data ? (
        <div className="card">
          {refused ? (
            <EmptyState title="You may not see the secrets here">
              It needs a role in this workspace. Ask someone who owns it, or choose another workspace at the left.
            </EmptyState>
          ) : (
            <LoadError
              title="The secrets could not be loaded."
              error={list.error}
              busy={list.isFetching}
              onRetry={() => void list.refetch()}
            />
          )}
        </div>
      ) : first ? (
        <div className="card">
          <EmptyState
            title="No secrets yet"
            actions={
              mayAdd ? (
                <Button variant="primary" asChild>
                  <Link href={addHref} data-add>
                    <Plus className="i" aria-hidden />
                    Add secret
                    <Kbd className="wide-only">N</Kbd>
                  </Link>
                </Button>
              ) : null
            }
            foot={mayAdd ? null : "You may look at this workspace, but not add secrets. Ask someone who owns it."}
          >
            A secret is the access your steps use to reach another service: Latchkey obtains it, keeps it fresh and
            hands it out.
          </EmptyState>
        </div>
      ) : (
        <>
          <Toolbar {...{ workspaceId, view, counts, typed, setTyped, change, fromSearch }} />
          {rows.length === 0 ? (
            <div className="card">
              <EmptyState small title="Nothing matches" actions={<Button onClick={clear}>Clear filters</Button>}>
                {view.search ? `No secret or client has “${view.search}” in its name.` : "No secret is in this state."}
              </EmptyState>
            </div>
          ) : (
            // biome-ignore lint/a11y/noStaticElementInteractions: arrow keys move between the links within; the keys come from them
            <div onKeyDown={moveInRows} aria-busy={list.isPlaceholderData || undefined}>
              <Table caption="Secrets of this workspace, trouble first" cols={COLS} className="secrets">
                <thead>
                  <tr>
                    <th scope="col">Name</th>
                    <th scope="col" className="td-type">
                      Type
                    </th>
                    <th scope="col" className="td-client">
                      Client
                    </th>
                    <th scope="col">Status</th>
                    <th scope="col" className="td-by wide-only">
                      Added by
                    </th>
                    <th scope="col" className="td-used wide-only">
                      Last used
                    </th>
                    <th scope="col">
                      <span className="sr">Actions</span>
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {rows.map(({ secret, client, by }) => (
                    <SecretRow
                      key={secret.id}
                      workspaceId={workspaceId}
                      secret={secret}
                      client={client}
                      by={by}
                      selected={secret.id === manage || (secret.id === authorized && !manage)}
                      leaving={leaving === secret.id}
                      mayEdit={may("workspaces.auth_secret.edit") !== false}
                      onAct={onAct}
                    />
                  ))}
                </tbody>
              </Table>
              {hasNextPage ? (
                <div ref={tail} className="more-rows">
                  <Button size="sm" busy={isFetchingNextPage} onClick={() => void fetchNextPage()}>
                    Show more
                  </Button>
                  <span className="small muted">
                    {rows.length} of {meta?.total ?? "more"}
                  </span>
                </div>
              ) : null}
            </div>
          )}
          <div className="rows-foot">
            <span className="live">
              {liveness === "live" ? (
                <>
                  <Check className="i i-sm" aria-hidden />
                  Live. Rows change as tokens are renewed.
                </>
              ) : (
                <>
                  <RotateCw className="i i-sm" aria-hidden />
                  Looked up every 5 s. Rows change as tokens are renewed.
                </>
              )}
            </span>
            <span className="keys">
              <span>
                <Kbd>↑</Kbd>
                <Kbd>↓</Kbd> move
              </span>
              <span>
                <Kbd>Enter</Kbd> open
              </span>
              <span>
                <Kbd>Esc</Kbd> close
              </span>
            </span>
          </div>
        </>
      )}

      <ManageDrawer
        workspaceId={workspaceId}
        secretId={manage}
        onClose={close}
        onAct={(act, secret) => {
          if (act === "rename") setRenaming(secret);
          else if (act === "delete") setDoomed(secret);
          else if (act === "edit") router.push(`/workspaces/${workspaceId}/secrets/${secret.id}/edit`);
        }}
      />
      <RenameDialog workspaceId={workspaceId} secret={renaming} onClose={() => setRenaming(null)} />
      <DeleteSecret
        workspaceId={workspaceId}
        secret={doomed}
        onClose={() => setDoomed(null)}
        onDeleted={(id) => {
          if (manage === id) close();
          if (authorized === id) change({ authorized: null });
        }}
      />
    </div>
  );
}

type Counts = { all: number; needs_person: number; trouble: number; working: number } | undefined;

function Toolbar({
  workspaceId,
  view,
  counts,
  typed,
  setTyped,
  change,
  fromSearch,
}: {
  workspaceId: string;
  view: ReturnType<typeof useViewParams>["view"];
  counts: Counts;
  typed: string;
  setTyped: (text: string) => void;
  change: ReturnType<typeof useViewParams>["change"];
  fromSearch: (event: KeyboardEvent<HTMLElement>) => void;
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
      <SearchField label="Search secrets" placeholder="Search by name or client" value={typed} onChange={setTyped} />
    </div>
  );
}
