"use client";

import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useEffect, useState } from "react";
import { ReauthCancelled, withReauth } from "@/components/accounts/reauth";
import { api } from "@/components/frame/api";
import { Dialog } from "@/components/ui/dialog";
import { Field } from "@/components/ui/field";
import { FormFoot } from "@/components/ui/form-foot";
import { Input } from "@/components/ui/input";
import { sortErrors } from "@/components/ui/server-errors";
import { useToast } from "@/components/ui/toast";
import type { AuthSecret } from "@/lib/sdk/resources";

/** Asks for another name of a secret. The redirect URI stays. */
export function RenameDialog({
  workspaceId,
  secret,
  onClose,
}: {
  workspaceId: string;
  secret: AuthSecret | null;
  onClose: () => void;
}) {
  const queries = useQueryClient();
  const toast = useToast();
  const [name, setName] = useState("");
  const [error, setError] = useState<{ name?: string; rest: string | null }>({ rest: null });
  const [busy, setBusy] = useState(false);
  const current = secret?.attributes.name ?? "";
  useEffect(() => {
    setName(current);
    setError({ rest: null });
  }, [current]);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (!secret || busy) return;
    if (name.trim() === "") return setError({ name: "Give the secret a name.", rest: null });
    if (name.trim() === current) return onClose();
    setBusy(true);
    setError({ rest: null });
    try {
      await withReauth(() => api.secrets.update(workspaceId, secret.id, { name: name.trim() }));
      toast({ title: `“${current}” is now “${name.trim()}”.` });
      onClose();
      await queries.invalidateQueries({ queryKey: ["secrets", workspaceId] });
    } catch (caught) {
      if (caught instanceof ReauthCancelled) return;
      const { fields, rest } = sortErrors(caught, { "/data/attributes/name": "name" });
      setError({ ...fields, rest });
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog
      size="sm"
      open={secret !== null}
      onOpenChange={(open) => {
        if (!open) onClose();
      }}
      title="Rename secret"
      sub="The redirect URI and the id stay as they are; steps that use it notice nothing."
      busy={busy}
      dirty={name !== current}
      error={error.rest}
      onSubmit={(event) => void submit(event)}
      foot={<FormFoot submit="Rename" busy={busy} onCancel={onClose} />}
    >
      <Field label="Name" error={error.name}>
        <Input value={name} maxLength={200} onChange={(event) => setName(event.target.value)} />
      </Field>
    </Dialog>
  );
}
