"use client";

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import { useState } from "react";
import { api } from "@/components/frame/api";
import { useMay } from "@/components/frame/use-may";
import { Button } from "@/components/ui/button";
import { ConfirmDialog } from "@/components/ui/confirm-dialog";
import { EmptyState } from "@/components/ui/empty-state";
import { useToast } from "@/components/ui/toast";
import { PERMISSIONS, type Permission, TASK_PERMISSIONS } from "@/lib/access/permissions";
import { LatchkeyError } from "@/lib/sdk/errors";
import type { TaskIdentity } from "@/lib/sdk/resources";
import { KeyMeta } from "./key-meta";
import { LastUsed } from "./last-used";
import { LimitWords } from "./limit-words";
import { Loaded } from "./loaded";
import { NewIdentityDialog } from "./new-identity-dialog";
import { taskIdentitiesQuery } from "./queries";
import { Section } from "./section";
import { ShownOnce } from "./shown-once";
import { useAction } from "./use-action";

/** What running steps of this workspace sign in with: list, create (key shown once), end. */
export function TaskIdentitiesSection({ workspaceId }: { workspaceId: string }) {
  const identities = useQuery(taskIdentitiesQuery(workspaceId));
  const queries = useQueryClient();
  const toast = useToast();
  const may = useMay(workspaceId);
  const [adding, setAdding] = useState(false);
  const [made, setMade] = useState<{ username: string; key: string } | null>(null);
  const [doomed, setDoomed] = useState<TaskIdentity | null>(null);
  const removal = useAction();

  const end = async (identity: TaskIdentity) => {
    if (!(await removal.run(() => api.workspaces.endTaskIdentity(workspaceId, identity.id)))) return;
    setDoomed(null);
    toast({ title: `Task identity “${identity.attributes.name}” ended.` });
    await queries.invalidateQueries({ queryKey: taskIdentitiesQuery(workspaceId).queryKey });
  };
  const list = identities.data?.data ?? [];
  const mayEdit = may("workspaces.workspace.edit");
  const refused = identities.error instanceof LatchkeyError && identities.error.status === 403;
  return (
    <Section
      title="Task identities"
      text="Steps sign in with these to read tokens. They reach this workspace and nothing else."
      action={
        <Button
          data-add
          onClick={() => setAdding(true)}
          disabledReason={mayEdit === false ? "You may look at this workspace but not change it. Ask its owner." : null}
        >
          <Plus className="i" aria-hidden />
          Create task identity
        </Button>
      }
    >
      <div className="card">
        {refused ? (
          <EmptyState small title="Only for those who run the workspace">
            Seeing and creating task identities needs the right to edit the workspace. Ask its owner.
          </EmptyState>
        ) : (
          <Loaded query={identities} what="task identities">
            {list.length === 0 ? (
              <EmptyState small title="No task identities">
                Create one for each program that reads tokens here, so that each can be ended by itself.
              </EmptyState>
            ) : (
              <ul className="list">
                {list.map((identity) => (
                  <li key={identity.id}>
                    <div className="grow">
                      <b>{identity.attributes.name}</b>
                      <KeyMeta {...identity.attributes} />
                      <PermissionWords permissions={identity.attributes.permissions} />
                      <LimitWords allowed_addresses={identity.attributes.allowed_addresses} />
                    </div>
                    <Button
                      size="sm"
                      variant="danger"
                      aria-label={`End task identity ${identity.attributes.name}`}
                      onClick={() => {
                        removal.clear();
                        setDoomed(identity);
                      }}
                    >
                      End
                    </Button>
                  </li>
                ))}
              </ul>
            )}
          </Loaded>
        )}
      </div>
      <NewIdentityDialog
        workspaceId={workspaceId}
        open={adding}
        onOpenChange={setAdding}
        onMade={(identity) => {
          setAdding(false);
          setMade(identity);
        }}
      />
      <ShownOnce
        open={made !== null}
        onClose={() => setMade(null)}
        title="Your new task identity"
        values={[
          { label: "User name", value: made?.username ?? "", copy: "Copy user name" },
          { label: "API key", value: made?.key ?? "", copy: "Copy API key" },
        ]}
        use="Give both to the step, as ELASTICIO_API_USERNAME and ELASTICIO_API_KEY, or as HTTP Basic."
      />
      <ConfirmDialog
        open={doomed !== null}
        onOpenChange={(open) => {
          if (!open) setDoomed(null);
        }}
        title={`End the task identity “${doomed?.attributes.name ?? ""}”?`}
        confirm="End task identity"
        busy={removal.busy}
        error={removal.error}
        onConfirm={() => {
          if (doomed) void end(doomed);
        }}
      >
        <p>
          Steps that sign in with <span className="code">{doomed?.attributes.username}</span> are refused from then on;
          secrets are not touched. <LastUsed at={doomed?.attributes.last_used_at} />
        </p>
      </ConfirmDialog>
    </Section>
  );
}

/** Says only where an identity holds less than usual. */
function PermissionWords({ permissions }: { permissions?: string[] | undefined }) {
  if (!permissions || TASK_PERMISSIONS.every((permission) => permissions.includes(permission))) return null;
  return (
    <div className="meta">
      {permissions.length === 0
        ? "May do nothing"
        : permissions.map((permission) => (
            <span key={permission} className="code" title={PERMISSIONS[permission as Permission]}>
              {permission.replace(/^workspaces\./u, "")}
            </span>
          ))}
    </div>
  );
}
