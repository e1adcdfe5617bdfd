"use client";

import { useQueryClient } from "@tanstack/react-query";
import { useAction } from "@/components/accounts/use-action";
import { useOpenedEndpoints } from "@/components/endpoints/opened-endpoints";
import { api } from "@/components/frame/api";
import { ConfirmDialog } from "@/components/ui/confirm-dialog";
import { RelativeTime } from "@/components/ui/relative-time";
import { useToast } from "@/components/ui/toast";
import type { AuthSecret } from "@/lib/sdk/resources";

/** Names what is destroyed with a secret, and destroys it. */
export function DeleteSecret({
  workspaceId,
  secret,
  onClose,
  onDeleted,
}: {
  workspaceId: string;
  secret: AuthSecret | null;
  onClose: () => void;
  onDeleted?: (id: string) => void;
}) {
  const queries = useQueryClient();
  const toast = useToast();
  const { busy, error, run, clear } = useAction();
  const remove = async (doomed: AuthSecret) => {
    if (!(await run(() => api.secrets.remove(workspaceId, doomed.id)))) return;
    onDeleted?.(doomed.id);
    onClose();
    toast({ title: `“${doomed.attributes.name}” deleted.` });
    await queries.invalidateQueries({ queryKey: ["secrets", workspaceId] });
  };
  const opened = useOpenedEndpoints(workspaceId, secret);
  const oauth = secret?.attributes.type === "oauth2";
  const used = secret?.attributes.last_used_at;
  return (
    <ConfirmDialog
      open={secret !== null}
      onOpenChange={(open) => {
        if (open) return;
        clear();
        onClose();
      }}
      title={`Delete “${secret?.attributes.name ?? ""}”?`}
      confirm="Delete secret"
      busy={busy}
      error={error}
      onConfirm={() => {
        if (secret) void remove(secret);
      }}
    >
      <p>
        {oauth
          ? "Its access token, refresh token and history are destroyed, and the tokens are revoked at the provider where it offers that."
          : "Its values and history are destroyed."}{" "}
        There is no way back.
      </p>
      {opened.length > 0 ? (
        <p>
          It opens the endpoint{opened.length === 1 ? "" : "s"}{" "}
          {opened.map(({ attributes }) => `“${attributes.name}”`).join(", ")}: callers that use it are refused from then
          on.
        </p>
      ) : null}
      <p>
        {used ? (
          <>
            Steps that use it fail from then on. It was last used <RelativeTime at={used} />.
          </>
        ) : used === null ? (
          "No step has used it yet."
        ) : (
          "Steps that use it fail from then on."
        )}
      </p>
    </ConfirmDialog>
  );
}
