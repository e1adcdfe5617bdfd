"use client";

import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api } from "@/components/frame/api";
import { Checkbox } from "@/components/ui/checkbox";
import { Dialog } from "@/components/ui/dialog";
import { Field } from "@/components/ui/field";
import { FieldGroup } from "@/components/ui/field-group";
import { FormFoot } from "@/components/ui/form-foot";
import { Input } from "@/components/ui/input";
import { sortErrors } from "@/components/ui/server-errors";
import { PERMISSIONS, type Permission, TASK_PERMISSIONS } from "@/lib/access/permissions";
import { expiryAfter } from "./expiry";
import { ExpiryField } from "./expiry-field";
import { AddressField } from "./limit-fields";
import { taskIdentitiesQuery } from "./queries";
import { ReauthCancelled, withReauth } from "./reauth";

interface NewIdentityProps {
  workspaceId: string;
  open: boolean;
  onOpenChange: (open: boolean) => void;
  onMade: (identity: { username: string; key: string }) => void;
}

/** Asks for the name, life, permissions and addresses of a new task identity. */
export function NewIdentityDialog({ workspaceId, open, onOpenChange, onMade }: NewIdentityProps) {
  const queries = useQueryClient();
  const [name, setName] = useState("");
  const [days, setDays] = useState(0);
  const [chosen, setChosen] = useState<readonly Permission[]>(TASK_PERMISSIONS);
  const [addresses, setAddresses] = useState<string[]>([]);
  const [busy, setBusy] = useState(false);
  const [errors, setErrors] = useState<{
    fields: { name?: string; permissions?: string; expires?: string; addresses?: string };
    rest: string | null;
  }>({
    fields: {},
    rest: null,
  });
  const all = chosen.length === TASK_PERMISSIONS.length;

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (busy) return;
    const fields: typeof errors.fields = {};
    if (name.trim() === "") fields.name = "Give it the name of the step or program that will use it.";
    if (chosen.length === 0) fields.permissions = "Choose at least one, or it could do nothing.";
    setErrors({ fields, rest: null });
    if (Object.keys(fields).length > 0) return;
    setBusy(true);
    try {
      const answer = await withReauth(() =>
        api.workspaces.createTaskIdentity(workspaceId, {
          name: name.trim(),
          ...(all ? {} : { permissions: [...chosen] }),
          expiresAt: days === 0 ? null : expiryAfter(days),
          allowedAddresses: addresses.length > 0 ? addresses : null,
        }),
      );
      setName("");
      setDays(0);
      setChosen(TASK_PERMISSIONS);
      setAddresses([]);
      onMade({ username: answer.data.attributes.username, key: answer.data.attributes.api_key ?? "" });
      await queries.invalidateQueries({ queryKey: taskIdentitiesQuery(workspaceId).queryKey });
    } catch (error) {
      if (!(error instanceof ReauthCancelled))
        setErrors(
          sortErrors(error, {
            "/data/attributes/name": "name",
            "/data/attributes/permissions": "permissions",
            "/data/attributes/expires_at": "expires",
            "/data/attributes/allowed_addresses": "addresses",
          }),
        );
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog
      open={open}
      onOpenChange={onOpenChange}
      title="Create task identity"
      sub="A user name and a key for steps of this workspace."
      dirty={name !== ""}
      busy={busy}
      error={errors.rest}
      onSubmit={(event) => void submit(event)}
      foot={<FormFoot submit="Create task identity" busy={busy} onCancel={() => onOpenChange(false)} />}
    >
      <Field label="Name" error={errors.fields.name} help="What will use it, such as “order sync, production”.">
        <Input value={name} maxLength={200} onChange={(event) => setName(event.target.value)} />
      </Field>
      <ExpiryField days={days} onChange={setDays} error={errors.fields.expires} never />
      <FieldGroup legend="What it may do" error={errors.fields.permissions}>
        <div className="stack-tight">
          {TASK_PERMISSIONS.map((permission) => (
            <Checkbox
              key={permission}
              label={PERMISSIONS[permission]}
              text={<span className="code">{permission}</span>}
              checked={chosen.includes(permission)}
              onChange={(event) =>
                setChosen(
                  TASK_PERMISSIONS.filter((other) =>
                    other === permission ? event.target.checked : chosen.includes(other),
                  ),
                )
              }
            />
          ))}
        </div>
      </FieldGroup>
      <AddressField value={addresses} onChange={setAddresses} error={errors.fields.addresses} />
    </Dialog>
  );
}
