"use client";

import { useQuery } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import { useRouter } from "next/navigation";
import { useEffect, useState } from "react";
import { Button } from "@/components/ui/button";
import { EmptyState } from "@/components/ui/empty-state";
import { LoadError } from "@/components/ui/load-error";
import { SkeletonRows } from "@/components/ui/skeleton-rows";
import { lastWorkspace } from "./last-workspace";
import { NewWorkspaceDialog } from "./new-workspace";
import { workspacesQuery } from "./queries";

/** Leads to the secrets of the workspace last looked at, or the first; says what to do when there is none. */
export function Start() {
  const router = useRouter();
  const { data, error, isPending, isFetching, refetch } = useQuery(workspacesQuery);
  const [making, setMaking] = useState(false);
  const target = data ? (data.data.find((workspace) => workspace.id === lastWorkspace()) ?? data.data[0]) : undefined;
  useEffect(() => {
    if (target) router.replace(`/workspaces/${target.id}/secrets`);
  }, [router, target]);
  return (
    <div className="page">
      <div className="card">
        {isPending || target ? (
          <SkeletonRows label="Opening your workspace" />
        ) : error ? (
          <LoadError title="Your workspaces could not be loaded." query={{ error, isFetching, refetch }} />
        ) : (
          <EmptyState
            title="You have no workspace yet"
            actions={
              <Button variant="primary" data-add onClick={() => setMaking(true)}>
                <Plus className="i" aria-hidden />
                New workspace
              </Button>
            }
          >
            Secrets live in workspaces. Create one, or ask someone who owns one to let you in; it then appears here.
          </EmptyState>
        )}
      </div>
      <NewWorkspaceDialog open={making} onOpenChange={setMaking} />
    </div>
  );
}
