"use client";

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Plus, Trash2 } from "lucide-react";
import { type FormEvent, useState } from "react";
import { api } from "@/components/frame/api";
import { Button } from "@/components/ui/button";
import { ConfirmDialog } from "@/components/ui/confirm-dialog";
import { Dialog } from "@/components/ui/dialog";
import { EmptyState } from "@/components/ui/empty-state";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { LoadError } from "@/components/ui/load-error";
import { RelativeTime } from "@/components/ui/relative-time";
import { Select } from "@/components/ui/select";
import { sortErrors } from "@/components/ui/server-errors";
import { SkeletonRows } from "@/components/ui/skeleton-rows";
import { useToast } from "@/components/ui/toast";
import type { ApiKey } from "@/lib/sdk/resources";
import { DEFAULT_EXPIRY_DAYS, EXPIRY_CHOICES, expiryAfter } from "./expiry";
import { KeyMeta } from "./key-meta";
import { apiKeysQuery } from "./queries";
import { ReauthCancelled, withReauth } from "./reauth";
import { Section } from "./section";
import { ShownOnce } from "./shown-once";
import { useAction } from "./use-action";

/** The person's API keys: what there is, a new one (shown once), and deleting one by name. */
export function ApiKeysSection({ email }: { email: string }) {
  const keys = useQuery(apiKeysQuery);
  const queries = useQueryClient();
  const toast = useToast();
  const [adding, setAdding] = useState(false);
  const [made, setMade] = useState<string | null>(null);
  const [doomed, setDoomed] = useState<ApiKey | null>(null);
  const removal = useAction();

  const remove = async (key: ApiKey) => {
    if (!(await removal.run(() => api.account.deleteApiKey(key.id)))) return;
    setDoomed(null);
    toast({ title: `API key “${key.attributes.name}” deleted.` });
    await queries.invalidateQueries({ queryKey: apiKeysQuery.queryKey });
  };
  const list = keys.data?.data ?? [];
  return (
    <Section
      title="API keys"
      text="For scripts and programs that act as you: HTTP Basic with your email as user name and the key as password."
      action={
        <Button onClick={() => setAdding(true)}>
          <Plus className="i" aria-hidden />
          Create API key
        </Button>
      }
    >
      <div className="card">
        {keys.isPending ? (
          <SkeletonRows rows={2} label="Loading API keys" />
        ) : keys.error ? (
          <LoadError
            title="The API keys could not be loaded."
            error={keys.error}
            busy={keys.isFetching}
            onRetry={() => void keys.refetch()}
          />
        ) : list.length === 0 ? (
          <EmptyState small title="No API keys">
            Steps of an integration need none of yours: they get a task identity of their workspace.
          </EmptyState>
        ) : (
          <ul className="list">
            {list.map((key) => (
              <li key={key.id}>
                <div className="grow">
                  <b>{key.attributes.name}</b>
                  <KeyMeta {...key.attributes} />
                </div>
                <Button
                  variant="plain"
                  size="sm"
                  icon
                  aria-label={`Delete API key ${key.attributes.name}`}
                  title="Delete"
                  onClick={() => {
                    removal.clear();
                    setDoomed(key);
                  }}
                >
                  <Trash2 className="i" aria-hidden />
                </Button>
              </li>
            ))}
          </ul>
        )}
      </div>
      <NewKeyDialog
        open={adding}
        onOpenChange={setAdding}
        onMade={(key) => {
          setAdding(false);
          setMade(key);
        }}
      />
      <ShownOnce
        open={made !== null}
        onClose={() => setMade(null)}
        title="Your new API key"
        values={[
          { label: "User name", value: email, copy: "Copy user name" },
          { label: "API key", value: made ?? "", copy: "Copy API key" },
        ]}
        use="Send both as HTTP Basic: curl -u 'user:key'."
      />
      <ConfirmDialog
        open={doomed !== null}
        onOpenChange={(open) => {
          if (!open) setDoomed(null);
        }}
        title={`Delete the API key “${doomed?.attributes.name ?? ""}”?`}
        confirm="Delete API key"
        busy={removal.busy}
        error={removal.error}
        onConfirm={() => {
          if (doomed) void remove(doomed);
        }}
      >
        <p>
          Everything that signs in with it is refused from then on.{" "}
          {doomed?.attributes.last_used_at ? (
            <>
              It was last used <RelativeTime at={doomed.attributes.last_used_at} />.
            </>
          ) : (
            "It was never used."
          )}
        </p>
      </ConfirmDialog>
    </Section>
  );
}

function NewKeyDialog({
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
  const [busy, setBusy] = useState(false);
  const [errors, setErrors] = useState<{ fields: { name?: string; expires?: string }; rest: string | null }>({
    fields: {},
    rest: null,
  });

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (busy) return;
    if (name.trim() === "")
      return setErrors({ fields: { name: "Give it a name that says what it is for." }, rest: null });
    setBusy(true);
    setErrors({ fields: {}, rest: null });
    try {
      const answer = await withReauth(() => api.account.createApiKey(name.trim(), expiryAfter(days)));
      setName("");
      setDays(DEFAULT_EXPIRY_DAYS);
      onMade(answer.data.attributes.key ?? "");
      await queries.invalidateQueries({ queryKey: apiKeysQuery.queryKey });
    } catch (error) {
      if (!(error instanceof ReauthCancelled))
        setErrors(sortErrors(error, { "/data/attributes/name": "name", "/data/attributes/expires_at": "expires" }));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog
      size="sm"
      open={open}
      onOpenChange={onOpenChange}
      title="Create API key"
      sub="It may do everything you may do, until it expires or is deleted."
      dirty={name !== ""}
      busy={busy}
      error={errors.rest}
      onSubmit={(event) => void submit(event)}
      foot={
        <>
          <Button onClick={() => onOpenChange(false)}>Cancel</Button>
          <Button variant="primary" type="submit" busy={busy}>
            Create API key
          </Button>
        </>
      }
    >
      <Field label="Name" error={errors.fields.name} help="What it is for, such as “nightly export”.">
        <Input value={name} maxLength={200} onChange={(event) => setName(event.target.value)} />
      </Field>
      <Field label="Expires after" error={errors.fields.expires}>
        <Select value={days} onChange={(event) => setDays(Number(event.target.value))}>
          {EXPIRY_CHOICES.map((choice) => (
            <option key={choice.days} value={choice.days}>
              {choice.label}
            </option>
          ))}
        </Select>
      </Field>
    </Dialog>
  );
}
