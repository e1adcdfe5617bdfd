"use client";

import { zodResolver } from "@hookform/resolvers/zod";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { ExternalLink } from "lucide-react";
import Link from "next/link";
import { useRouter, useSearchParams } from "next/navigation";
import { useEffect, useState } from "react";
import { Controller, type FieldPath, useForm } from "react-hook-form";
import { ReauthCancelled, withReauth } from "@/components/accounts/reauth";
import { ClientDialog } from "@/components/auth-clients/client-dialog";
import { clientsQuery } from "@/components/auth-clients/queries";
import { api } from "@/components/frame/api";
import { useMay } from "@/components/frame/use-may";
import { Button } from "@/components/ui/button";
import { ChoiceCards } from "@/components/ui/choice-cards";
import { EmptyState } from "@/components/ui/empty-state";
import { Field } from "@/components/ui/field";
import { FieldGroup } from "@/components/ui/field-group";
import { Input } from "@/components/ui/input";
import { Note } from "@/components/ui/note";
import { PageHead } from "@/components/ui/page-head";
import { sortErrors } from "@/components/ui/server-errors";
import { useToast } from "@/components/ui/toast";
import { TroubleLine } from "@/components/ui/trouble-line";
import { SECRET_TYPE_NAMES, SECRET_TYPES } from "@/lib/secret-types";
import { needsBrowser } from "@/lib/secret-types/oauth2";
import { AllowedHostsField } from "./allowed-hosts";
import { goAuthorize } from "./authorize";
import { ClientField } from "./client-field";
import { useLeaveGuard } from "./leave-guard";
import { OAuth2Fields } from "./oauth2-fields";
import { RedirectPreview, useRedirectUri } from "./redirect-preview";
import { EMPTY_FORM, type SecretForm, secretPointers, secretSchema, toCredentials } from "./secret-form";
import { isDatabase } from "./test-secret";
import { TestTyped } from "./test-typed";
import { ValueFields } from "./value-fields";

const schema = secretSchema({ client: true, values: true });

/** Add secret: type and name at the left, what the type needs at the right. */
export function AddSecret({ workspaceId }: { workspaceId: string }) {
  const router = useRouter();
  const queries = useQueryClient();
  const toast = useToast();
  const may = useMay(workspaceId);
  const form = useForm<SecretForm>({ resolver: zodResolver(schema), defaultValues: EMPTY_FORM, mode: "onChange" });
  const { control, getValues, setValue, setError, watch } = form;
  const [type, name, clientId] = watch(["type", "name", "clientId"]);
  const [busy, setBusy] = useState<"save" | "authorize" | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const [adding, setAdding] = useState<string | null>(null);
  const { question, release, hold } = useLeaveGuard(form.formState.isDirty);
  const clients = useQuery(clientsQuery(workspaceId, "oauth2"));
  const client = clients.data?.data.find((other) => other.id === clientId) ?? null;
  const browser = needsBrowser(client?.attributes.grant_type ?? "authorization_code");
  const redirect = useRedirectUri(workspaceId, name, browser ? client : null);
  // A client that is only being added shares nothing yet.
  const unshared = useRedirectUri(workspaceId, name, null);
  const listHref = `/workspaces/${workspaceId}/secrets`;

  const named = useSearchParams().get("client");
  const usable = clients.data?.data ?? [];
  const only = usable.find((other) => other.id === named)?.id ?? (usable.length === 1 ? (usable[0]?.id ?? null) : null);
  useEffect(() => {
    // Not the person's own choice, so it does not count as a change worth asking about.
    if (only && getValues("clientId") === null) form.resetField("clientId", { defaultValue: only });
  }, [only, getValues, form]);

  const typed = (values: SecretForm) => ({
    type: values.type,
    authClientId: values.type === "oauth2" ? values.clientId : null,
    // What was typed for another client is not for this one.
    credentials: toCredentials(client?.attributes.asks_with_login ? values : { ...values, username: "", password: "" }),
  });
  const testTyped = <TestTyped form={form} send={(values) => api.secrets.testNew(workspaceId, typed(values))} />;

  const save = (then: "save" | "authorize") =>
    form.handleSubmit(async (values) => {
      if (busy) return;
      setBusy(then);
      setProblem(null);
      let saved: string;
      try {
        const made = await withReauth(() =>
          api.secrets.create(workspaceId, {
            ...typed(values),
            name: values.name.trim(),
            allowedHosts: values.hosts,
          }),
        );
        saved = made.data.id;
      } catch (error) {
        setBusy(null);
        if (error instanceof ReauthCancelled) return;
        const sorted = sortErrors(error, secretPointers(values.type));
        for (const [field, message] of Object.entries(sorted.fields))
          setError(field as FieldPath<SecretForm>, { type: "server", message: message ?? "" }, { shouldFocus: true });
        setProblem(sorted.rest);
        return;
      }
      release();
      void queries.invalidateQueries({ queryKey: ["secrets", workspaceId] });
      if (then === "save") {
        toast({ title: `“${values.name.trim()}” saved.` });
        router.push(listHref);
        return;
      }
      try {
        await goAuthorize(workspaceId, saved);
      } catch (error) {
        // It is saved; its drawer says what is missing and has the button to try again.
        toast({
          tone: "danger",
          title: `Saved, but authorizing could not start. ${error instanceof Error ? error.message : ""}`.trim(),
        });
        router.push(`${listHref}?manage=${saved}`);
      }
    });

  // Back from the provider by the browser's back button, the page may be as it was left.
  useEffect(() => {
    const onShow = (event: PageTransitionEvent) => {
      if (!event.persisted) return;
      hold();
      router.replace(listHref);
    };
    window.addEventListener("pageshow", onShow);
    return () => window.removeEventListener("pageshow", onShow);
  }, [hold, listHref, router]);

  const crumbs = [{ href: listHref, label: "Secrets" }];
  if (may("workspaces.auth_secret.create") === false)
    return (
      <div className="page">
        <PageHead title="Add secret" crumbs={crumbs} />
        <div className="card mt-6">
          <EmptyState small title="You may not add secrets here">
            It needs the permission workspaces.auth_secret.create. Ask someone who owns the workspace.
          </EmptyState>
        </div>
      </div>
    );
  const oauth = type === "oauth2";
  return (
    <div className="page">
      <PageHead title="Add secret" crumbs={crumbs} />
      {problem ? (
        <TroubleLine alert title="It was not saved.">
          {problem}
        </TroubleLine>
      ) : null}
      <form
        className="form card"
        aria-label="Add secret"
        noValidate
        onSubmit={(event) => {
          // Enter in a field saves without leaving for the provider; going there is a decision of its own.
          void save("save")(event);
        }}
      >
        <div className="form-side stack">
          <Controller
            control={control}
            name="type"
            render={({ field, fieldState }) => (
              <FieldGroup
                legend="Type"
                error={fieldState.error?.message ?? null}
                help={SECRET_TYPES[field.value].summary}
              >
                <ChoiceCards
                  layout="side"
                  value={field.value}
                  onChange={field.onChange}
                  choices={SECRET_TYPE_NAMES.map((value) => ({
                    value,
                    title: SECRET_TYPES[value].label,
                    text: SECRET_TYPES[value].summary,
                  }))}
                />
              </FieldGroup>
            )}
          />
          <Controller
            control={control}
            name="name"
            render={({ field, fieldState }) => (
              <Field
                label="Name"
                error={fieldState.error?.message ?? null}
                help={
                  oauth && browser
                    ? "Shown in lists and part of the redirect URI. The URI stays the same if you rename later."
                    : "Shown in lists."
                }
              >
                <Input {...field} maxLength={200} />
              </Field>
            )}
          />
        </div>
        <div className="form-main stack">
          {type === "oauth2" ? (
            <>
              <Controller
                control={control}
                name="clientId"
                render={({ field, fieldState }) => (
                  <ClientField
                    workspaceId={workspaceId}
                    value={field.value}
                    onChange={field.onChange}
                    onNew={(typed) => setAdding(typed)}
                    mayAdd={
                      may("global.auth_clients.create") !== false || may("workspaces.auth_clients.create") !== false
                    }
                    error={fieldState.error?.message ?? null}
                  />
                )}
              />
              <OAuth2Fields
                control={control}
                client={client}
                onAdd={(scopes, params) => {
                  const { scopes: chosen, params: rows } = getValues();
                  setValue("scopes", [...new Set([...chosen, ...scopes])], { shouldDirty: true });
                  const kept = rows.filter((row) => !(row.key in params));
                  const added = Object.entries(params).map(([key, value]) => ({ key, value }));
                  setValue("params", [...kept, ...added], { shouldDirty: true });
                }}
              />
              <AllowedHostsField control={control} type={type} client={client} />
              {browser ? (
                <RedirectPreview {...redirect} />
              ) : (
                <>
                  <Note>Nobody has to sign in anywhere: Latchkey asks for the token as soon as this is saved.</Note>
                  {testTyped}
                </>
              )}
            </>
          ) : (
            <>
              <ValueFields control={control} type={type} />
              {isDatabase(type) ? testTyped : null}
              <AllowedHostsField control={control} type={type} />
            </>
          )}
        </div>
        <div className="form-foot">
          <Button variant="plain" asChild>
            <Link href={listHref}>Cancel</Link>
          </Button>
          <span className="spacer" />
          {oauth && browser ? (
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
      <ClientDialog
        workspaceId={workspaceId}
        open={adding !== null}
        onOpenChange={(open) => {
          if (!open) setAdding(null);
        }}
        initialName={adding ?? ""}
        returnTo={name.trim() || "the new secret"}
        redirectUri={unshared.uri}
        onMade={(made) => {
          setAdding(null);
          setValue("clientId", made.id, { shouldDirty: true, shouldValidate: form.formState.isSubmitted });
        }}
      />
      {question}
    </div>
  );
}
