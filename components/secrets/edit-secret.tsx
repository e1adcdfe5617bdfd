"use client";

import { zodResolver } from "@hookform/resolvers/zod";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { ExternalLink } from "lucide-react";
import Link from "next/link";
import { useRouter, useSearchParams } from "next/navigation";
import { useEffect, useMemo, useRef, useState } from "react";
import { Controller, type FieldPath, useForm } from "react-hook-form";
import { ReauthCancelled, withReauth } from "@/components/accounts/reauth";
import { clientQuery } from "@/components/auth-clients/queries";
import { api } from "@/components/frame/api";
import { useMay } from "@/components/frame/use-may";
import { knownProvider } from "@/components/providers/known-providers";
import { USUAL_CURE } from "@/components/providers/refresh-advice";
import { Button } from "@/components/ui/button";
import { EmptyState } from "@/components/ui/empty-state";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { NotLoaded } from "@/components/ui/not-loaded";
import { Note } from "@/components/ui/note";
import { PageHead } from "@/components/ui/page-head";
import { sortErrors } from "@/components/ui/server-errors";
import { useToast } from "@/components/ui/toast";
import { TroubleLine } from "@/components/ui/trouble-line";
import type { AuthSecret } from "@/lib/sdk/resources";
import type { SecretChange } from "@/lib/sdk/secrets";
import { SECRET_TYPES } from "@/lib/secret-types";
import { AllowedHostsField } from "./allowed-hosts";
import { goAuthorize } from "./authorize";
import { asksByItself } from "./cure";
import { useLeaveGuard } from "./leave-guard";
import { OAuth2Fields } from "./oauth2-fields";
import { secretQuery } from "./queries";
import { RedirectPreview } from "./redirect-preview";
import { RevealField } from "./reveal-policy";
import { type SecretForm, secretPointers, secretSchema, storedWords, toCredentials, valuesFrom } from "./secret-form";
import { isDatabase } from "./test-secret";
import { TestTyped } from "./test-typed";
import { ValueFields } from "./value-fields";

/** Edits a secret: its name, what is asked for, or its values. Type and client never change. */
export function EditSecret({ workspaceId, secretId }: { workspaceId: string; secretId: string }) {
  const query = useQuery(secretQuery(workspaceId, secretId));
  const may = useMay(workspaceId);
  const list = `/workspaces/${workspaceId}/secrets`;
  const secret = query.data?.data;
  const refused = may("workspaces.auth_secret.edit") === false;
  if (secret && !refused) return <Loaded key={secret.id} workspaceId={workspaceId} secret={secret} />;
  return (
    <div className="page">
      <PageHead title="Edit secret" crumbs={[{ href: list, label: "Secrets" }]} />
      <div className="card mt-6">
        {refused ? (
          <EmptyState small title="You may not edit secrets here">
            It needs the permission workspaces.auth_secret.edit. Ask someone who owns the workspace.
          </EmptyState>
        ) : (
          <NotLoaded what="secret" list={list} query={query} />
        )}
      </div>
    </div>
  );
}

function formOf(secret: AuthSecret): SecretForm {
  const { name, type, scopes_requested, additional_params, reveal, allowed_hosts } = secret.attributes;
  return {
    type,
    name,
    clientId: secret.relationships?.auth_client?.data?.id ?? null,
    scopes: scopes_requested,
    params: Object.entries(additional_params ?? {}).map(([key, value]) => ({ key, value: String(value) })),
    username: "",
    password: "",
    values: {},
    reveal,
    hosts: allowed_hosts,
  };
}

function Loaded({ workspaceId, secret }: { workspaceId: string; secret: AuthSecret }) {
  const router = useRouter();
  const queries = useQueryClient();
  const toast = useToast();
  const may = useMay(workspaceId);
  const askOffline = useSearchParams().get("add") === "offline";
  const type = secret.attributes.type;
  const oauth = type === "oauth2";
  const browser = oauth && !asksByItself(secret);
  // What was read when the page opened: tokens renewed meanwhile must not empty the form.
  const [before] = useState(() => formOf(secret));
  const [replacing, setReplacing] = useState(false);
  const [busy, setBusy] = useState<"save" | "authorize" | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const schema = useMemo(() => secretSchema({ client: false, values: replacing, stored: true }), [replacing]);
  const form = useForm<SecretForm>({ resolver: zodResolver(schema), defaultValues: before, mode: "onChange" });
  const { control, getValues, setValue } = form;
  const { question, release } = useLeaveGuard(form.formState.isDirty);
  const clientId = before.clientId;
  const client = useQuery({ ...clientQuery(workspaceId, clientId ?? ""), enabled: oauth && clientId !== null });
  const list = `/workspaces/${workspaceId}/secrets`;

  const add = (scopes: readonly string[], params: Readonly<Record<string, string>>) => {
    const now = getValues();
    setValue("scopes", [...new Set([...now.scopes, ...scopes])], { shouldDirty: true });
    setValue(
      "params",
      [
        ...now.params.filter((row) => !(row.key in params)),
        ...Object.entries(params).map(([key, value]) => ({ key, value })),
      ],
      { shouldDirty: true },
    );
  };
  // The link "Ask for a refresh token" leads here with the cure filled in, ready to be looked at and saved.
  const filled = useRef(false);
  const clientSettled = !client.isPending;
  const host = client.data?.data.attributes.host;
  useEffect(() => {
    if (!askOffline || !oauth || !clientSettled || filled.current) return;
    filled.current = true;
    const wanted = knownProvider(host)?.refresh ?? USUAL_CURE;
    add(wanted.scopes ?? [], wanted.params ?? {});
  });

  /** All values are given anew; those that may be seen are there to start from. */
  const replace = () => {
    setValue("values", valuesFrom(type, secret.attributes.visible));
    setReplacing(true);
  };

  const testTyped = (
    <TestTyped
      form={form}
      send={(values) => api.secrets.testChanged(workspaceId, secret.id, { credentials: toCredentials(values) })}
      refused={
        oauth && may("workspaces.auth_secret.refresh") === false ? "You may not have tokens refreshed here." : null
      }
    />
  );

  const save = (then: "save" | "authorize") =>
    form.handleSubmit(async (after) => {
      if (busy) return;
      const credentials = toCredentials(after);
      const asksOtherwise = oauth && JSON.stringify(credentials) !== JSON.stringify(toCredentials(before));
      const change: SecretChange = {
        ...(after.name.trim() === before.name ? {} : { name: after.name.trim() }),
        ...(after.reveal === before.reveal ? {} : { reveal: after.reveal }),
        ...(after.hosts.join() === before.hosts.join() ? {} : { allowed_hosts: after.hosts }),
        ...(asksOtherwise || (!oauth && replacing) ? { credentials } : {}),
      };
      setBusy(then);
      setProblem(null);
      try {
        if (Object.keys(change).length > 0) await withReauth(() => api.secrets.update(workspaceId, secret.id, change));
      } catch (error) {
        setBusy(null);
        if (error instanceof ReauthCancelled) return;
        const sorted = sortErrors(error, secretPointers(type));
        for (const [field, message] of Object.entries(sorted.fields))
          form.setError(
            field as FieldPath<SecretForm>,
            { type: "server", message: message ?? "" },
            { shouldFocus: true },
          );
        setProblem(sorted.rest);
        return;
      }
      release();
      void queries.invalidateQueries({ queryKey: ["secrets", workspaceId] });
      if (then === "authorize")
        try {
          await goAuthorize(workspaceId, secret.id);
          return;
        } catch (error) {
          toast({
            tone: "danger",
            title: `Saved, but authorizing could not start. ${error instanceof Error ? error.message : ""}`.trim(),
          });
        }
      else toast({ title: `“${after.name.trim()}” saved.` });
      router.push(`${list}?manage=${secret.id}`);
    });

  return (
    <div className="page">
      <PageHead title="Edit secret" crumbs={[{ href: list, label: "Secrets" }]} />
      {problem ? (
        <TroubleLine alert title="It was not saved.">
          {problem}
        </TroubleLine>
      ) : null}
      <form className="form card" aria-label="Edit secret" noValidate onSubmit={(event) => void save("save")(event)}>
        <div className="form-side stack">
          <Controller
            control={control}
            name="name"
            render={({ field, fieldState }) => (
              <Field
                label="Name"
                error={fieldState.error?.message ?? null}
                help={browser ? "The redirect URI stays as it is." : undefined}
              >
                <Input {...field} maxLength={200} />
              </Field>
            )}
          />
          <div className="field">
            <span className="label">Type</span>
            <p>{SECRET_TYPES[type].label}</p>
          </div>
          {client.data ? (
            <div className="field">
              <span className="label">Auth client</span>
              <p>{client.data.data.attributes.name}</p>
              <p className="help">A secret stays with its client. For another one, add a new secret.</p>
            </div>
          ) : null}
          <RevealField control={control} secret={secret} />
        </div>
        <div className="form-main stack">
          {type === "oauth2" ? (
            <>
              <OAuth2Fields control={control} client={client.data?.data ?? null} onAdd={add} stored />
              <AllowedHostsField control={control} type={type} client={client.data?.data ?? null} />
              {secret.attributes.redirect_uri ? (
                <RedirectPreview
                  uri={secret.attributes.redirect_uri}
                  slug={null}
                  shared={Boolean(client.data?.data.attributes.redirect_uri)}
                />
              ) : null}
              <Note>
                {browser
                  ? "Other scopes and parameters take effect when the secret is authorized the next time."
                  : "When what is asked with changes, the token it holds is given up and a new one asked for at once."}
              </Note>
              {browser ? null : testTyped}
            </>
          ) : replacing ? (
            <>
              <ValueFields control={control} type={type} stored />
              {isDatabase(type) ? testTyped : null}
            </>
          ) : (
            <div className="field">
              <span className="label">Values</span>
              <p className="muted">{storedWords(SECRET_TYPES[type])}</p>
              {SECRET_TYPES[type].fields.length > 0 ? (
                <div>
                  <Button onClick={replace}>{"kept" in SECRET_TYPES[type] ? "Change" : "Replace"}</Button>
                </div>
              ) : null}
            </div>
          )}
          {oauth ? null : <AllowedHostsField control={control} type={type} />}
        </div>
        <div className="form-foot">
          <Button variant="plain" asChild>
            <Link href={`${list}?manage=${secret.id}`}>Cancel</Link>
          </Button>
          <span className="spacer" />
          {browser ? (
            <>
              <Button type="submit" busy={busy === "save"}>
                Save
              </Button>
              <Button variant="primary" busy={busy === "authorize"} onClick={() => void save("authorize")()}>
                Save and authorize
                <ExternalLink className="i" aria-hidden />
              </Button>
            </>
          ) : (
            <Button variant="primary" type="submit" busy={busy === "save"}>
              Save
            </Button>
          )}
        </div>
      </form>
      {question}
    </div>
  );
}
