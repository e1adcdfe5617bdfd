"use client";

import { useQuery } from "@tanstack/react-query";
import { workspaceQuery, workspacesQuery } from "@/components/frame/queries";
import { CopyButton } from "@/components/ui/copy-button";
import { Facts } from "@/components/ui/facts";
import { LoadError } from "@/components/ui/load-error";
import { PageHead } from "@/components/ui/page-head";
import { Skeleton } from "@/components/ui/skeleton";
import { Section } from "./section";
import { TaskIdentitiesSection } from "./task-identities-section";
import { TenantSection } from "./tenant-section";

/** A workspace's own page: its name and ids, the identities its steps sign in with, and what its tenant decides. */
export function WorkspaceSettings({ workspaceId }: { workspaceId: string }) {
  const workspace = useQuery(workspaceQuery(workspaceId));
  const all = useQuery(workspacesQuery);
  const attributes = workspace.data?.data.attributes;
  const contractId = workspace.data?.data.relationships?.contract?.data?.id;
  const tenantId = workspace.data?.data.relationships?.tenant?.data?.id;
  const contract = all.data?.included.find((other) => other.type === "contract" && other.id === contractId)?.attributes
    .name;
  const copy = (label: string, text: string) => (
    <CopyButton variant="plain" size="sm" iconOnly label={label} text={text} />
  );
  return (
    <div className="page">
      <PageHead title="Settings" />
      <div className="sections">
        <Section title="Workspace" text="Steps and scripts address the workspace by its id.">
          {workspace.error ? (
            <div className="card">
              <LoadError title="The workspace could not be loaded." query={workspace} />
            </div>
          ) : (
            <Facts
              items={[
                { label: "Name", value: attributes ? attributes.name : <Skeleton w={16} /> },
                {
                  label: "Workspace id",
                  value: <span className="code">{workspaceId}</span>,
                  actions: copy("Copy workspace id", workspaceId),
                },
                ...(contractId
                  ? [
                      {
                        label: "Contract",
                        value:
                          typeof contract === "string" ? contract : <span className="muted">Not visible to you</span>,
                      },
                      {
                        label: "Contract id",
                        value: <span className="code">{contractId}</span>,
                        actions: copy("Copy contract id", contractId),
                      },
                    ]
                  : []),
                {
                  label: "Redirect code",
                  value: attributes ? (
                    <>
                      <span className="code">{attributes.redirect_code ?? "–"}</span>
                      <span className="muted">Ends every redirect URI of this workspace.</span>
                    </>
                  ) : (
                    <Skeleton w={8} />
                  ),
                  actions: attributes?.redirect_code ? copy("Copy redirect code", attributes.redirect_code) : null,
                },
              ]}
            />
          )}
        </Section>
        <TaskIdentitiesSection workspaceId={workspaceId} />
        {tenantId ? <TenantSection tenantId={tenantId} /> : null}
      </div>
    </div>
  );
}
