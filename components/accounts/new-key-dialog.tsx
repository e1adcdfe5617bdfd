"use client";

import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api } from "@/components/frame/api";
import { Dialog } from "@/components/ui/dialog";
import { Field } from "@/components/ui/field";
import { FormFoot } from "@/components/ui/form-foot";
import { Input } from "@/components/ui/input";
import { sortErrors } from "@/components/ui/server-errors";
import { DEFAULT_EXPIRY_DAYS, expiryAfter } from "./expiry";
import { ExpiryField } from "./expiry-field";
import { type LimitErrors, LimitFields, type Limits, NO_LIMITS } from "./limit-fields";
import { apiKeysQuery } from "./queries";
import { ReauthCancelled, withReauth } from "./reauth";

interface Errors {
  fields: { name?: string; expires?: string } & LimitErrors;
  rest: string | null;
}

const NONE: Errors = { fields: {}, rest: null };
const orNull = <Item,>(list: readonly Item[]): Item[] | null => (list.length > 0 ? [...list] : null);

/** Asks what a new API key is for, how long it lives and what it is limited to. */
export function NewKeyDialog({
  open,
  onOpenChange,
  onMade,
}: {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  onMade: (key: string) => void;
}) {
  const queries = useQueryClient();
  const [name, setName] = useState("");
  const [days, setDays] = useState<number>(DEFAULT_EXPIRY_DAYS);
  const [limits, setLimits] = useState<Limits>(NO_LIMITS);
  const [busy, setBusy] = useState(false);
  const [errors, setErrors] = useState(NONE);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (busy) return;
    if (name.trim() === "")
      return setErrors({ fields: { name: "Give it a name that says what it is for." }, rest: null });
    setBusy(true);
    setErrors(NONE);
    try {
      const answer = await withReauth(() =>
        api.account.createApiKey({
          name: name.trim(),
          expiresAt: expiryAfter(days),
          permissions: orNull(limits.permissions),
          workspaces: orNull(limits.workspaces),
          allowedAddresses: orNull(limits.addresses),
        }),
      );
      setName("");
      setDays(DEFAULT_EXPIRY_DAYS);
      setLimits(NO_LIMITS);
      onMade(answer.data.attributes.key ?? "");
      await queries.invalidateQueries({ queryKey: apiKeysQuery.queryKey });
    } catch (error) {
      if (!(error instanceof ReauthCancelled))
        setErrors(
          sortErrors(error, {
            "/data/attributes/name": "name",
            "/data/attributes/expires_at": "expires",
            "/data/attributes/permissions": "permissions",
            "/data/attributes/workspaces": "workspaces",
            "/data/attributes/allowed_addresses": "addresses",
          }),
        );
    } finally {
      setBusy(false);
    }
  };
  const { name: nameError, expires, ...limitErrors } = errors.fields;
  return (
    <Dialog
      size="sm"
      open={open}
      onOpenChange={onOpenChange}
      title="Create API key"
      sub="It acts as you, until it expires or is deleted."
      dirty={name !== "" || limits !== NO_LIMITS}
      busy={busy}
      error={errors.rest}
      onSubmit={(event) => void submit(event)}
      foot={<FormFoot submit="Create API key" busy={busy} onCancel={() => onOpenChange(false)} />}
    >
      <Field label="Name" error={nameError} help="What it is for, such as “nightly export”.">
        <Input value={name} maxLength={200} onChange={(event) => setName(event.target.value)} />
      </Field>
      <ExpiryField days={days} onChange={setDays} error={expires} />
      <LimitFields value={limits} onChange={setLimits} errors={limitErrors} />
    </Dialog>
  );
}
