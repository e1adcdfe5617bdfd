"use client";

import { useQueryClient } from "@tanstack/react-query";
import { useAction } from "@/components/accounts/use-action";
import { api } from "@/components/frame/api";
import { ConfirmDialog } from "@/components/ui/confirm-dialog";
import { RelativeTime } from "@/components/ui/relative-time";
import { useToast } from "@/components/ui/toast";
import type { AuthSecret } from "@/lib/sdk/resources";
import { asksByItself } from "./cure";

/** Says what forgetting a secret's tokens means, and does it. */
export function ForgetTokens({
  workspaceId,
  secret,
  open,
  onOpenChange,
}: {
  workspaceId: string;
  secret: AuthSecret;
  open: boolean;
  onOpenChange: (open: boolean) => void;
}) {
  const queries = useQueryClient();
  const toast = useToast();
  const { busy, error, run, clear } = useAction();
  const forget = async () => {
    if (!(await run(() => api.secrets.forgetTokens(workspaceId, secret.id)))) return;
    onOpenChange(false);
    toast({ title: `The tokens of “${secret.attributes.name}” are forgotten.` });
    await queries.invalidateQueries({ queryKey: ["secrets", workspaceId] });
  };
  return (
    <ConfirmDialog
      open={open}
      onOpenChange={(next) => {
        if (!next) clear();
        onOpenChange(next);
      }}
      title={`Forget the tokens of “${secret.attributes.name}”?`}
      confirm="Forget tokens"
      busy={busy}
      error={error}
      onConfirm={() => void forget()}
    >
      <p>
        {asksByItself(secret) ? "The access token is" : "The access token and the refresh token are"} deleted here, and
        revoked at the provider where it offers that. Name, scopes and history stay.
      </p>
      <p>
        {asksByItself(secret)
          ? "Latchkey asks for a new one at once."
          : "Steps that use it get no token until someone authorizes it again."}{" "}
        {secret.attributes.last_used_at ? (
          <>
            It was last used <RelativeTime at={secret.attributes.last_used_at} />.
          </>
        ) : null}
      </p>
    </ConfirmDialog>
  );
}
