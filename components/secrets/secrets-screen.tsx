"use client";

import { useQuery } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import Link from "next/link";
import { useCallback, useEffect, useRef } from "react";
import { useMay } from "@/components/frame/use-may";
import { Button } from "@/components/ui/button";
import { Kbd } from "@/components/ui/kbd";
import { LoadError } from "@/components/ui/load-error";
import { PageHead } from "@/components/ui/page-head";
import { SkeletonRows } from "@/components/ui/skeleton-rows";
import { TroubleLine } from "@/components/ui/trouble-line";
import { LatchkeyError } from "@/lib/sdk/errors";
import { DeleteSecret } from "./delete-secret";
import { JustAuthorized } from "./just-authorized";
import { useArrowIntoList } from "./list-keys";
import { ManageDrawer } from "./manage-drawer";
import { secretQuery } from "./queries";
import { RenameDialog } from "./rename-dialog";
import { MayNotSee, NoSecretsYet, NothingMatches } from "./secrets-absent";
import { SecretsFoot } from "./secrets-foot";
import { SecretsTable } from "./secrets-table";
import { SecretsToolbar, useSearchText } from "./secrets-toolbar";
import { useLive } from "./use-live";
import { useSecretActs } from "./use-secret-acts";
import { useSecretList } from "./use-secret-list";
import { useViewParams } from "./view-params";

/** The home page: a workspace's secrets, trouble first, changing by themselves. */
export function SecretsScreen({ workspaceId }: { workspaceId: string }) {
  const may = useMay(workspaceId);
  const liveness = useLive(workspaceId);
  const { view, manage, authorized, change } = useViewParams();
  const text = useSearchText(view.search, change);
  const { list, rows, counts, total, tail } = useSecretList(workspaceId, view);
  const { open, close } = useDrawer(change);
  const { act, failure, setFailure, leaving, renaming, setRenaming, doomed, setDoomed } = useSecretActs(
    workspaceId,
    open,
  );
  const arrived = useArrived(workspaceId, authorized);
  useArrowIntoList();

  const filtered = view.search !== "" || view.status !== null || view.type !== null || view.authClient !== null;
  const clear = () => {
    text.setTyped("");
    change({ search: null, status: null, type: null, client: null });
  };
  const refused = list.error instanceof LatchkeyError && (list.error.status === 403 || list.error.status === 404);
  const first = list.data !== undefined && rows.length === 0 && !filtered;
  const needs = counts?.needs_person ?? 0;
  const add =
    may("workspaces.auth_secret.create") === false ? null : (
      <Button variant="primary" asChild>
        <Link href={`/workspaces/${workspaceId}/secrets/new`} data-add>
          <Plus className="i" aria-hidden />
          Add secret
          <Kbd className="wide-only">N</Kbd>
        </Link>
      </Button>
    );
  const toolbar = <SecretsToolbar {...{ workspaceId, view, counts, text, change }} />;

  return (
    <div className="page">
      <PageHead
        title="Secrets"
        count={counts ? { n: counts.all, label: counts.all === 1 ? "secret" : "secrets" } : undefined}
      >
        {refused || first ? null : add}
      </PageHead>

      {authorized && arrived?.attributes.has_access_token ? (
        <JustAuthorized
          workspaceId={workspaceId}
          secret={arrived}
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
          {toolbar}
          <div className="card">
            <SkeletonRows rows={8} label="Loading secrets" />
          </div>
        </>
      ) : refused && !list.data ? (
        <MayNotSee />
      ) : list.error && !list.data ? (
        <div className="card">
          <LoadError title="The secrets could not be loaded." query={list} />
        </div>
      ) : first ? (
        <NoSecretsYet add={add} />
      ) : (
        <>
          {toolbar}
          {rows.length === 0 ? (
            <NothingMatches search={view.search} onClear={clear} />
          ) : (
            <SecretsTable
              workspaceId={workspaceId}
              rows={rows}
              selected={manage ?? authorized}
              leaving={leaving}
              mayEdit={may("workspaces.auth_secret.edit") !== false}
              stale={list.isPlaceholderData}
              onAct={act}
            >
              {list.hasNextPage ? (
                <div ref={tail} className="more-rows">
                  <Button size="sm" busy={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
                    Show more
                  </Button>
                  <span className="small muted">
                    {rows.length} of {total ?? "more"}
                  </span>
                </div>
              ) : null}
            </SecretsTable>
          )}
          <SecretsFoot liveness={liveness} />
        </>
      )}

      <ManageDrawer workspaceId={workspaceId} secretId={manage} onClose={close} onAct={act} />
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

/** The drawer's place in the address and in the browser's history. */
function useDrawer(change: ReturnType<typeof useViewParams>["change"]) {
  const opened = useRef(false);
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
  return { open, close };
}

/** The secret just authorized, scrolled to: its row may lie below what is on the screen. */
function useArrived(workspaceId: string, id: string | null) {
  const { data } = useQuery({ ...secretQuery(workspaceId, id ?? ""), enabled: id !== null });
  const secret = data?.data;
  const arrivedId = secret?.id;
  useEffect(() => {
    if (arrivedId)
      document.querySelector(`[data-secret="${CSS.escape(arrivedId)}"]`)?.scrollIntoView({ block: "nearest" });
  }, [arrivedId]);
  return secret;
}
