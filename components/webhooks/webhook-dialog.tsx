"use client";

import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { ReauthCancelled, withReauth } from "@/components/accounts/reauth";
import { api } from "@/components/frame/api";
import { useSecretChoice } from "@/components/secrets/use-secret-choice";
import { Checkbox } from "@/components/ui/checkbox";
import { Combobox, type ComboboxItem } from "@/components/ui/combobox";
import { Dialog } from "@/components/ui/dialog";
import { Field } from "@/components/ui/field";
import { FieldGroup } from "@/components/ui/field-group";
import { FormFoot } from "@/components/ui/form-foot";
import { Input } from "@/components/ui/input";
import { Note } from "@/components/ui/note";
import { sortErrors } from "@/components/ui/server-errors";
import type { Webhook } from "@/lib/sdk/resources";
import { SECRET_TYPES } from "@/lib/secret-types";
import { WEBHOOK_EVENT_NAMES, WEBHOOK_EVENTS, type WebhookEvent } from "@/lib/webhooks/events";

interface WebhookDialogProps {
  workspaceId: string;
  open: boolean;
  onOpenChange: (open: boolean) => void;
  /** Null: a new one. */
  webhook: Webhook | null;
  /** What was answered; with a signing secret where one was made. */
  onSaved: (webhook: Webhook) => void;
}

/** Adding a webhook happens seldom, forgetting to be told often: what needs a person is chosen from the start. */
const USUAL: readonly WebhookEvent[] = WEBHOOK_EVENT_NAMES.filter(
  (name) => !["secret.created", "secret.deleted", "secret.refused"].includes(name),
);
const NONE = "";

/** Name, address, events and the secret that authenticates. */
export function WebhookDialog(props: WebhookDialogProps) {
  // Each opening begins with what is stored.
  return props.open ? <Form key={props.webhook?.attributes.updated_at ?? "new"} {...props} /> : null;
}

function Form({ workspaceId, open, onOpenChange, webhook, onSaved }: WebhookDialogProps) {
  const queries = useQueryClient();
  const before = {
    name: webhook?.attributes.name ?? "",
    url: webhook?.attributes.url ?? "",
    events: webhook?.attributes.events ?? USUAL,
    secret: webhook?.relationships?.auth_secret?.data?.id ?? NONE,
  };
  const [name, setName] = useState(before.name);
  const [url, setUrl] = useState(before.url);
  const [events, setEvents] = useState<readonly WebhookEvent[]>(before.events);
  // Null: not chosen in this form. Another address asks for it again, whatever was chosen before.
  const [secret, setSecret] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const [errors, setErrors] = useState<{
    fields: { name?: string; url?: string; events?: string; secret?: string };
    rest: string | null;
  }>({ fields: {}, rest: null });
  const moved = webhook !== null && url.trim() !== before.url;

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (busy) return;
    const fields: typeof errors.fields = {};
    if (name.trim() === "") fields.name = "Give it the name of who is told.";
    if (!URL.canParse(url.trim())) fields.url = "Enter an address such as https://example.com/latchkey.";
    if (events.length === 0) fields.events = "Choose at least one, or nothing would be told.";
    setErrors({ fields, rest: null });
    if (Object.keys(fields).length > 0) return;
    setBusy(true);
    const given = {
      name: name.trim(),
      url: url.trim(),
      events,
      ...(secret === null ? {} : { authSecretId: secret === NONE ? null : secret }),
    };
    try {
      const { data } = await withReauth(() =>
        webhook === null
          ? api.webhooks.create(workspaceId, given)
          : api.webhooks.update(workspaceId, webhook.id, given),
      );
      onSaved(data);
      await queries.invalidateQueries({ queryKey: ["webhooks", workspaceId] });
    } catch (error) {
      if (!(error instanceof ReauthCancelled))
        setErrors(
          sortErrors(error, {
            "/data/attributes/name": "name",
            "/data/attributes/url": "url",
            "/data/attributes/events": "events",
            "/data/relationships/auth_secret": "secret",
          }),
        );
    } finally {
      setBusy(false);
    }
  };
  const dirty = name !== before.name || url !== before.url || secret !== null || events.join() !== before.events.join();
  return (
    <Dialog
      open={open}
      onOpenChange={onOpenChange}
      title={webhook === null ? "Add webhook" : "Edit webhook"}
      sub="Signed messages about secrets and auth clients; never a value of a secret."
      dirty={dirty}
      busy={busy}
      error={errors.rest}
      onSubmit={(event) => void submit(event)}
      foot={
        <FormFoot submit={webhook === null ? "Add webhook" : "Save"} busy={busy} onCancel={() => onOpenChange(false)} />
      }
    >
      <Field label="Name" error={errors.fields.name} help="Who is told, such as “on-call channel”.">
        <Input value={name} maxLength={200} onChange={(event) => setName(event.target.value)} />
      </Field>
      <Field
        label="Address"
        error={errors.fields.url}
        help="Messages are sent here by POST. Any answer 2xx means that they have arrived."
        after={
          moved ? (
            <Note tone="warn" live>
              Another address is another receiver: it gets a signing secret of its own, and the old one ends at once.
              {before.secret === NONE ? "" : " Choose the secret that authenticates deliveries again."}
            </Note>
          ) : null
        }
      >
        <Input
          type="url"
          inputMode="url"
          spellCheck={false}
          placeholder="https://example.com/latchkey"
          value={url}
          maxLength={2000}
          onChange={(event) => setUrl(event.target.value)}
        />
      </Field>
      <FieldGroup legend="What it is told of" error={errors.fields.events}>
        <div className="stack-tight">
          {WEBHOOK_EVENT_NAMES.map((one) => (
            <Checkbox
              key={one}
              label={WEBHOOK_EVENTS[one].label}
              text={<span className="code">{one}</span>}
              checked={events.includes(one)}
              onChange={(event) =>
                setEvents(
                  WEBHOOK_EVENT_NAMES.filter((other) =>
                    other === one ? event.target.checked : events.includes(other),
                  ),
                )
              }
            />
          ))}
        </div>
      </FieldGroup>
      <SecretChoice
        workspaceId={workspaceId}
        value={secret ?? (moved ? null : before.secret)}
        before={
          before.secret === NONE
            ? null
            : { value: before.secret, label: webhook?.attributes.auth_secret_name ?? before.secret }
        }
        onChange={setSecret}
        error={errors.fields.secret ?? null}
      />
    </Dialog>
  );
}

function SecretChoice({
  workspaceId,
  value,
  before,
  onChange,
  error,
}: {
  workspaceId: string;
  value: string | null;
  /** The one it has: the list to choose from may be too long to hold it. */
  before: ComboboxItem | null;
  onChange: (id: string) => void;
  error: string | null;
}) {
  const { secrets, error: failed, picker } = useSecretChoice(workspaceId, null);
  // What was searched for and chosen stays when something else is searched for.
  const [chosen, setChosen] = useState<ComboboxItem | null>(null);
  const items: ComboboxItem[] = secrets
    .filter((one) => SECRET_TYPES[one.attributes.type].injects !== null)
    .map((one) => ({
      value: one.id,
      label: one.attributes.name,
      sub: one.attributes.allowed_hosts.join(", ") || "No allowed hosts yet",
      tag: SECRET_TYPES[one.attributes.type].label,
    }));
  const kept = [chosen, before].find((one) => one !== null && one.value === value);
  if (kept && items.every((one) => one.value !== kept.value)) items.push(kept);
  return (
    <Field
      label="Authenticate with"
      hint="optional"
      labelAs="span"
      error={error}
      help="A secret sent along with each message, for receivers that ask for one. Its allowed hosts must name the address."
      after={
        failed ? (
          <Note tone="warn" live>
            The secrets could not be loaded. {failed.message}
          </Note>
        ) : null
      }
    >
      <Combobox
        tiles={false}
        items={[{ value: NONE, label: "Nothing besides the signature" }, ...items]}
        value={value}
        onChange={(id) => {
          setChosen(items.find((one) => one.value === id) ?? null);
          onChange(id);
        }}
        {...picker}
        placeholder="Choose"
        searchPlaceholder="Search secrets"
        emptyText="No secret matches."
      />
    </Field>
  );
}
