"use client";

import { useEffect } from "react";
import { useWatch } from "react-hook-form";
import { CopyButton } from "@/components/ui/copy-button";
import { Dialog } from "@/components/ui/dialog";
import { FormFoot } from "@/components/ui/form-foot";
import type { AuthClient } from "@/lib/sdk/resources";
import { needsBrowser } from "@/lib/secret-types/oauth2";
import { ClientFields } from "./client-fields";
import { EMPTY_CLIENT } from "./client-form";
import { useNewClient } from "./use-new-client";

/** +Add New Client on top of another form, which stays as it is; the made client is handed back. */
export function ClientDialog({
  workspaceId,
  open,
  onOpenChange,
  initialName,
  returnTo,
  redirectUri,
  onMade,
}: {
  workspaceId: string;
  open: boolean;
  onOpenChange: (open: boolean) => void;
  /** What was typed into the search, if anything. */
  initialName: string;
  /** The name of what one returns to. */
  returnTo: string;
  redirectUri: string | null;
  onMade: (client: AuthClient) => void;
}) {
  const { form, choices, busy, problem, save } = useNewClient(workspaceId, onMade);
  const browser = needsBrowser(useWatch({ control: form.control, name: "grant_type" }));
  useEffect(() => {
    if (open) form.reset({ ...EMPTY_CLIENT, name: initialName });
  }, [open, initialName, form]);
  return (
    <Dialog
      open={open}
      onOpenChange={onOpenChange}
      title="Add New Client"
      sub={`Then back to “${returnTo}”. Nothing you typed is lost.`}
      dirty={form.formState.isDirty}
      busy={busy}
      error={problem}
      onSubmit={(event) => void save(event)}
      foot={<FormFoot submit="Save client" busy={busy} onCancel={() => onOpenChange(false)} />}
    >
      <div className="small client-note">
        {browser
          ? "Create an application in the provider’s developer portal, register this secret’s redirect URI there, and bring back the ID and the secret it gives you."
          : "Create an application in the provider’s developer portal that may ask for tokens for itself, and bring back the ID and the secret it gives you."}{" "}
        {redirectUri && browser ? (
          <CopyButton variant="plain" size="sm" className="advice-add" text={redirectUri} label="Copy callback URL" />
        ) : null}
      </div>
      <ClientFields form={form} choices={choices} />
    </Dialog>
  );
}
