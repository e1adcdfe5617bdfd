"use client";

import Link from "next/link";
import { useRouter } from "next/navigation";
import { useMay } from "@/components/frame/use-may";
import { useLeaveGuard } from "@/components/secrets/leave-guard";
import { Button } from "@/components/ui/button";
import { EmptyState } from "@/components/ui/empty-state";
import { PageHead } from "@/components/ui/page-head";
import { useToast } from "@/components/ui/toast";
import { TroubleLine } from "@/components/ui/trouble-line";
import { ClientFields } from "./client-fields";
import { useNewClient } from "./use-new-client";

/** A new OAuth2 client on a page of its own. */
export function NewClient({ workspaceId }: { workspaceId: string }) {
  const router = useRouter();
  const toast = useToast();
  const may = useMay(workspaceId);
  const here = `/workspaces/${workspaceId}/auth-clients`;
  const { form, choices, busy, problem, save } = useNewClient(workspaceId, (client) => {
    release();
    toast({ title: `Auth client “${client.attributes.name}” added.` });
    router.push(`${here}/${client.id}`);
  });
  const { question, release } = useLeaveGuard(form.formState.isDirty);
  const crumbs = [{ href: here, label: "Auth clients" }];
  const refused = may("global.auth_clients.create") === false && may("workspaces.auth_clients.create") === false;
  return (
    <div className="page">
      <PageHead title="Add New Client" crumbs={crumbs} />
      {refused ? (
        <div className="card mt-6">
          <EmptyState small title="You may not add auth clients here">
            It needs the permission workspaces.auth_clients.create. Ask someone who owns the workspace.
          </EmptyState>
        </div>
      ) : (
        <>
          {problem ? (
            <TroubleLine alert title="It was not saved.">
              {problem}
            </TroubleLine>
          ) : null}
          <form
            className="card narrow-form"
            aria-label="Add New Client"
            noValidate
            onSubmit={(event) => void save(event)}
          >
            <div className="stack narrow-body">
              <p className="small client-note">
                Create an application in the provider’s developer portal and bring back the ID and the secret it gives
                you. The redirect URI to register there, where one is needed, is shown when a secret is added.
              </p>
              <ClientFields form={form} choices={choices} />
            </div>
            <div className="form-foot">
              <Button variant="plain" asChild>
                <Link href={here}>Cancel</Link>
              </Button>
              <span className="spacer" />
              <Button variant="primary" type="submit" busy={busy}>
                Save client
              </Button>
            </div>
          </form>
        </>
      )}
      {question}
    </div>
  );
}
