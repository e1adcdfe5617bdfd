"use client";

import { zodResolver } from "@hookform/resolvers/zod";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import Link from "next/link";
import { useRouter } from "next/navigation";
import { type ReactNode, useMemo, useState } from "react";
import { Controller, useForm, useWatch } from "react-hook-form";
import { ReauthCancelled, withReauth } from "@/components/accounts/reauth";
import { Section } from "@/components/accounts/section";
import { useAction } from "@/components/accounts/use-action";
import { api } from "@/components/frame/api";
import { useMay } from "@/components/frame/use-may";
import { useLeaveGuard } from "@/components/secrets/leave-guard";
import { Button } from "@/components/ui/button";
import { ConfirmDialog } from "@/components/ui/confirm-dialog";
import { CopyButton } from "@/components/ui/copy-button";
import { EmptyState } from "@/components/ui/empty-state";
import { Facts } from "@/components/ui/facts";
import { Field } from "@/components/ui/field";
import { Fold } from "@/components/ui/fold";
import { Input } from "@/components/ui/input";
import { KeepEnd } from "@/components/ui/keep-end";
import { LoadError } from "@/components/ui/load-error";
import { NotLoaded } from "@/components/ui/not-loaded";
import { PageHead } from "@/components/ui/page-head";
import { RelativeTime } from "@/components/ui/relative-time";
import { SecretInput } from "@/components/ui/secret-input";
import { sortErrors } from "@/components/ui/server-errors";
import { SkeletonRows } from "@/components/ui/skeleton-rows";
import { Tag } from "@/components/ui/tag";
import { useToast } from "@/components/ui/toast";
import { TroubleLine } from "@/components/ui/trouble-line";
import { visibilityOf } from "@/lib/sdk/auth-clients";
import type { AuthClient } from "@/lib/sdk/resources";
import { SECRET_TYPES } from "@/lib/secret-types";
import { AdvancedFields } from "./advanced-fields";
import {
  ADVANCED,
  advancedSummary,
  CLIENT_POINTERS,
  type ClientForm,
  changesOf,
  clientSchema,
  formOf,
} from "./client-form";
import { grantWords } from "./grant-choices";
import { clientQuery, clientUsageQuery } from "./queries";
import { LegacyNote, TokenRequestFields } from "./token-request-fields";
import { VISIBILITY_WORDS } from "./visibility";

const schema = clientSchema(false);

/** One auth client: what it is, what may be changed, what uses it, and its end. */
export function ClientPage({ workspaceId, clientId }: { workspaceId: string; clientId: string }) {
  const query = useQuery(clientQuery(workspaceId, clientId));
  const here = `/workspaces/${workspaceId}/auth-clients`;
  const crumbs = [{ href: here, label: "Auth clients" }];
  const client = query.data?.data;
  if (client) return <Loaded key={client.id} workspaceId={workspaceId} client={client} />;
  return (
    <div className="page">
      <PageHead title="Auth client" crumbs={crumbs} />
      <div className="card mt-6">
        <NotLoaded what="auth client" list={here} query={query} />
      </div>
    </div>
  );
}

function Loaded({ workspaceId, client }: { workspaceId: string; client: AuthClient }) {
  const { name, type, problem, credentials, redirect_uri, created_at } = client.attributes;
  const grant = grantWords(client.attributes);
  const may = useMay(workspaceId);
  const visibility = visibilityOf(client);
  const own = visibility === "workspace";
  // For clients from above, the server knows; here only what can be known is told early.
  const mayEdit = !own || may("global.auth_clients.edit") !== false || may("workspaces.auth_clients.edit") !== false;
  const uri = (label: string, value: string | undefined, copy: string) =>
    value
      ? [
          {
            label,
            value: <KeepEnd text={value} />,
            actions: <CopyButton variant="plain" size="sm" iconOnly label={copy} text={value} />,
          },
        ]
      : [];
  const facts: { label: string; value: ReactNode; actions?: ReactNode }[] = [
    { label: "Type", value: SECRET_TYPES[type]?.label ?? type },
    ...(grant ? [{ label: "How tokens come about", value: grant }] : []),
    { label: "Visibility", value: <Tag>{VISIBILITY_WORDS[visibility]}</Tag> },
    ...(credentials?.client_id
      ? [
          {
            label: "Client ID",
            value: <KeepEnd text={credentials.client_id} />,
            actions: (
              <CopyButton variant="plain" size="sm" iconOnly label="Copy client ID" text={credentials.client_id} />
            ),
          },
        ]
      : []),
    ...uri("Issuer", credentials?.issuer, "Copy issuer"),
    ...uri("Authorization endpoint", credentials?.auth_uri, "Copy authorization endpoint"),
    ...uri("Token endpoint", credentials?.token_uri, "Copy token endpoint"),
    ...(credentials?.refresh_token_uri && credentials.refresh_token_uri !== credentials.token_uri
      ? uri("Refresh endpoint", credentials.refresh_token_uri, "Copy refresh endpoint")
      : []),
    ...uri("Revocation endpoint", credentials?.revocation_uri, "Copy revocation endpoint"),
    ...uri("Redirect URI", redirect_uri ?? undefined, "Copy callback URL"),
    ...(created_at ? [{ label: "Added", value: <RelativeTime at={created_at} /> }] : []),
  ];
  return (
    <div className="page">
      <PageHead title={name} crumbs={[{ href: `/workspaces/${workspaceId}/auth-clients`, label: "Auth clients" }]} />
      {problem ? (
        <TroubleLine title={problem.title.replace(/\.?$/u, ".")}>
          {problem.detail} Its secrets wait unharmed; they go on by themselves once this is mended.
        </TroubleLine>
      ) : null}
      <div className="sections client-sections">
        <Section
          title="What it is"
          text={
            type === "oauth2"
              ? "Where secrets are sent can never be changed. For another provider or application, add a new client."
              : undefined
          }
        >
          <div className="card">
            <Facts items={facts} />
          </div>
          {credentials ? null : (
            <p className="help mt-2">
              Its details are shown to those who may see auth clients at the{" "}
              {VISIBILITY_WORDS[visibility].toLowerCase()}
              {visibility === "global" ? " level" : ""}.
            </p>
          )}
        </Section>
        {type === "oauth2" && credentials ? (
          <EditSection workspaceId={workspaceId} client={client} mayEdit={mayEdit} />
        ) : null}
        <UsageSection workspaceId={workspaceId} client={client} />
      </div>
    </div>
  );
}

function EditSection({ workspaceId, client, mayEdit }: { workspaceId: string; client: AuthClient; mayEdit: boolean }) {
  const queries = useQueryClient();
  const toast = useToast();
  const before = useMemo(() => formOf(client), [client]);
  const form = useForm<ClientForm>({ resolver: zodResolver(schema), values: before });
  const { control, formState } = form;
  const values = useWatch({ control }) as ClientForm;
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  // A saved secret leaves the field; a new key gives a fresh, masked one.
  const [round, setRound] = useState(0);
  const { question } = useLeaveGuard(formState.isDirty);

  const save = form.handleSubmit(async (after) => {
    if (busy) return;
    const change = changesOf(before, after);
    if (Object.keys(change).length === 0) return form.reset(before);
    setBusy(true);
    setProblem(null);
    try {
      await withReauth(() => api.authClients.update(client.id, change));
      await queries.invalidateQueries({ queryKey: ["auth-clients", workspaceId] });
      form.reset({ ...after, client_secret: "" });
      setRound((old) => old + 1);
      toast({ title: `Auth client “${after.name.trim()}” saved.` });
      void queries.invalidateQueries({ queryKey: ["secrets", workspaceId] });
    } catch (error) {
      if (error instanceof ReauthCancelled) return;
      const sorted = sortErrors(error, CLIENT_POINTERS);
      for (const [field, message] of Object.entries(sorted.fields))
        form.setError(field as keyof ClientForm, { type: "server", message: message ?? "" }, { shouldFocus: true });
      setProblem(sorted.rest);
    } finally {
      setBusy(false);
    }
  });
  const wrongInside = ADVANCED.some((name) => formState.errors[name] !== undefined);
  return (
    <Section title="Settings" text="A new client secret or setting is used from the next request on.">
      {problem ? (
        <TroubleLine alert title="It was not saved.">
          {problem}
        </TroubleLine>
      ) : null}
      <form className="card narrow-form" aria-label="Settings" noValidate onSubmit={(event) => void save(event)}>
        <div className="stack narrow-body">
          <Controller
            control={control}
            name="name"
            render={({ field, fieldState }) => (
              <Field label="Name" error={fieldState.error?.message ?? null}>
                <Input {...field} maxLength={200} />
              </Field>
            )}
          />
          <Controller
            control={control}
            name="client_secret"
            render={({ field, fieldState }) => (
              <Field
                label="Client secret"
                error={fieldState.error?.message ?? null}
                help="Never shown. Replacing it does not touch the tokens of its secrets."
              >
                <SecretInput
                  key={round}
                  {...field}
                  what="client secret"
                  stored={client.attributes.has_client_secret !== false}
                  onReplacingChange={(replacing) => {
                    if (!replacing) field.onChange("");
                  }}
                />
              </Field>
            )}
          />
          {before.grant_type === "token_request" ? <TokenRequestFields form={form} /> : null}
          <LegacyNote form={form} />
          <Fold title="Advanced" summary={advancedSummary(values)} open={wrongInside}>
            <AdvancedFields form={form} create={false} />
          </Fold>
        </div>
        <div className="form-foot">
          <span className="spacer" />
          {formState.isDirty ? (
            <Button
              onClick={() => {
                form.reset(before);
                setRound((old) => old + 1);
                setProblem(null);
              }}
            >
              Discard changes
            </Button>
          ) : null}
          <Button
            variant={formState.isDirty ? "primary" : "default"}
            type="submit"
            busy={busy}
            disabledReason={
              mayEdit ? (formState.isDirty ? null : "Nothing was changed.") : "You may not edit this client."
            }
          >
            Save
          </Button>
        </div>
      </form>
      {question}
    </Section>
  );
}

function UsageSection({ workspaceId, client }: { workspaceId: string; client: AuthClient }) {
  const router = useRouter();
  const queries = useQueryClient();
  const toast = useToast();
  const usage = useQuery(clientUsageQuery(workspaceId, client.id));
  const removal = useAction();
  const [asking, setAsking] = useState(false);
  const list = usage.data?.data ?? [];
  const count = Math.max(list.length, client.attributes.used_by ?? 0);
  const name = client.attributes.name;
  const names = list.slice(0, 3).map((secret) => `“${secret.attributes.name}”`);
  const refusal =
    count === 0
      ? null
      : `It is used by ${names.join(", ")}${count > names.length ? `${names.length ? " and " : ""}${count - names.length} more` : ""}. Delete ${count === 1 ? "that secret" : "those secrets"} first.`;

  const remove = async () => {
    if (!(await removal.run(() => api.authClients.remove(client.id)))) return;
    setAsking(false);
    toast({ title: `Auth client “${name}” deleted.` });
    router.push(`/workspaces/${workspaceId}/auth-clients`);
    await queries.invalidateQueries({ queryKey: ["auth-clients", workspaceId, "list"] });
  };
  return (
    <Section
      title="Used by"
      text="Secrets that are authorized and renewed through this client."
      action={
        <Button
          variant="danger"
          onClick={() => {
            removal.clear();
            setAsking(true);
          }}
          disabledReason={usage.isPending ? "Looking what uses it." : refusal}
        >
          Delete client…
        </Button>
      }
    >
      <div className="card">
        {usage.isPending ? (
          <SkeletonRows rows={2} label="Loading what uses it" />
        ) : usage.error ? (
          <LoadError title="What uses it could not be loaded." query={usage} />
        ) : list.length === 0 ? (
          <EmptyState
            small
            title="Nothing uses it"
            actions={
              client.attributes.type === "oauth2" ? (
                <Button asChild>
                  <Link href={`/workspaces/${workspaceId}/secrets/new?client=${client.id}`}>Add a secret with it</Link>
                </Button>
              ) : null
            }
          >
            {count > 0
              ? `${count} ${count === 1 ? "secret" : "secrets"} you may not see use it.`
              : "It can be deleted without harm."}
          </EmptyState>
        ) : (
          <ul className="list">
            {list.map((secret) => {
              const workspace = secret.relationships?.workspace?.data?.id ?? workspaceId;
              return (
                <li key={secret.id}>
                  <div className="grow">
                    <b>
                      <Link className="link" href={`/workspaces/${workspace}/secrets?manage=${secret.id}`}>
                        {secret.attributes.name}
                      </Link>
                    </b>
                    {secret.attributes.workspace_name ? (
                      <div className="meta">{secret.attributes.workspace_name}</div>
                    ) : null}
                  </div>
                </li>
              );
            })}
          </ul>
        )}
      </div>
      {refusal && !usage.isPending ? <p className="help mt-2">It cannot be deleted now. {refusal}</p> : null}
      <ConfirmDialog
        open={asking}
        onOpenChange={setAsking}
        title={`Delete the auth client “${name}”?`}
        confirm="Delete client"
        busy={removal.busy}
        error={removal.error}
        onConfirm={() => void remove()}
      >
        <p>
          Its client ID, client secret and settings are destroyed. No secret uses it. The application at the provider
          stays as it is.
        </p>
      </ConfirmDialog>
    </Section>
  );
}
