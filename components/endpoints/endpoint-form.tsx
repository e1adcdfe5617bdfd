"use client";

import { useQuery, useQueryClient } from "@tanstack/react-query";
import Link from "next/link";
import { useRouter } from "next/navigation";
import { type FormEvent, useMemo, useState } from "react";
import { ReauthCancelled, withReauth } from "@/components/accounts/reauth";
import { api } from "@/components/frame/api";
import { useMay } from "@/components/frame/use-may";
import { useLeaveGuard } from "@/components/secrets/leave-guard";
import { Button } from "@/components/ui/button";
import { Checkbox } from "@/components/ui/checkbox";
import { ChipInput } from "@/components/ui/chip-input";
import { ConfirmDialog } from "@/components/ui/confirm-dialog";
import { EmptyState } from "@/components/ui/empty-state";
import { Field } from "@/components/ui/field";
import { FieldGroup } from "@/components/ui/field-group";
import { Fold } from "@/components/ui/fold";
import { Input } from "@/components/ui/input";
import { NotLoaded } from "@/components/ui/not-loaded";
import { PageHead } from "@/components/ui/page-head";
import { sortErrors } from "@/components/ui/server-errors";
import { useToast } from "@/components/ui/toast";
import { TroubleLine } from "@/components/ui/trouble-line";
import { useFocusWrong } from "@/components/ui/use-focus-wrong";
import type { Permission } from "@/lib/access/permissions";
import type { Endpoint } from "@/lib/sdk/resources";
import { OpenersField } from "./openers-field";
import { endpointQuery } from "./queries";

interface Values {
  name: string;
  openAccess: boolean;
  secrets: string[];
  scopes: string[];
  issuer: string;
  audience: string;
}
type FieldName = "name" | "secrets" | "scopes" | "issuer" | "audience";

const EMPTY: Values = { name: "", openAccess: false, secrets: [], scopes: [], issuer: "", audience: "" };
const POINTERS: Record<string, FieldName> = {
  "/data/attributes/name": "name",
  "/data/relationships/secrets": "secrets",
  "/data/attributes/scopes": "scopes",
  "/data/attributes/issuer": "issuer",
  "/data/attributes/audience": "audience",
};

/** @returns what was deleted meanwhile is not among them: it opens nothing, and cannot be named anew */
function valuesOf({ attributes }: Endpoint): Values {
  return {
    name: attributes.name,
    openAccess: attributes.open_access,
    secrets: attributes.opened_by.filter(({ name }) => name !== null).map(({ id }) => id),
    scopes: attributes.scopes,
    issuer: attributes.issuer ?? "",
    audience: attributes.audience ?? "",
  };
}

/** A new endpoint. */
export function NewEndpoint({ workspaceId }: { workspaceId: string }) {
  const may = useMay(workspaceId);
  const here = `/workspaces/${workspaceId}/endpoints`;
  return (
    <div className="page">
      <PageHead title="Add endpoint" crumbs={[{ href: here, label: "Endpoints" }]} />
      {may("workspaces.endpoint.create") === false ? (
        <MayNot title="You may not add endpoints here" permission="workspaces.endpoint.create" />
      ) : (
        <EndpointForm workspaceId={workspaceId} endpoint={null} />
      )}
    </div>
  );
}

/** The same fields of one that is there. */
export function EditEndpoint({ workspaceId, endpointId }: { workspaceId: string; endpointId: string }) {
  const query = useQuery(endpointQuery(workspaceId, endpointId));
  const may = useMay(workspaceId);
  const here = `/workspaces/${workspaceId}/endpoints`;
  const endpoint = query.data?.data;
  const crumbs = [
    { href: here, label: "Endpoints" },
    ...(endpoint ? [{ href: `${here}/${endpoint.id}`, label: endpoint.attributes.name }] : []),
  ];
  return (
    <div className="page">
      <PageHead title="Edit endpoint" crumbs={crumbs} />
      {may("workspaces.endpoint.edit") === false ? (
        <MayNot title="You may not edit endpoints here" permission="workspaces.endpoint.edit" />
      ) : endpoint ? (
        <EndpointForm workspaceId={workspaceId} endpoint={endpoint} />
      ) : (
        <div className="card mt-6">
          <NotLoaded what="endpoint" list={`/workspaces/${workspaceId}/endpoints`} query={query} />
        </div>
      )}
    </div>
  );
}

function MayNot({ title, permission }: { title: string; permission: Permission }) {
  return (
    <div className="card mt-6">
      <EmptyState small title={title}>
        It needs the permission {permission}. Ask someone who owns the workspace.
      </EmptyState>
    </div>
  );
}

function EndpointForm({ workspaceId, endpoint }: { workspaceId: string; endpoint: Endpoint | null }) {
  const router = useRouter();
  const queries = useQueryClient();
  const toast = useToast();
  // As it was when the form opened: what comes in later must not take away what was typed.
  const [before] = useState(() => (endpoint ? valuesOf(endpoint) : EMPTY));
  const [values, setValues] = useState(before);
  const [busy, setBusy] = useState(false);
  const [errors, setErrors] = useState<ReturnType<typeof sortErrors<FieldName>>>({ fields: {}, rest: null });
  const { form, sent } = useFocusWrong(busy);
  const [asking, setAsking] = useState(false);
  const dirty = useMemo(() => JSON.stringify(values) !== JSON.stringify(before), [values, before]);
  const { question, release } = useLeaveGuard(dirty);
  const set = (change: Partial<Values>) => setValues((old) => ({ ...old, ...change }));
  const here = `/workspaces/${workspaceId}/endpoints`;

  const save = async (event: FormEvent) => {
    event.preventDefault();
    if (busy) return;
    sent();
    if (values.name.trim() === "") return setErrors({ fields: { name: "Give it a name." }, rest: null });
    setBusy(true);
    setErrors({ fields: {}, rest: null });
    const given = {
      ...values,
      name: values.name.trim(),
      issuer: values.issuer.trim() || null,
      audience: values.audience.trim() || null,
    };
    try {
      const { data } = await withReauth(() =>
        endpoint ? api.endpoints.update(workspaceId, endpoint.id, given) : api.endpoints.create(workspaceId, given),
      );
      queries.setQueryData(endpointQuery(workspaceId, data.id).queryKey, { data, meta: {}, included: [] });
      void queries.invalidateQueries({ queryKey: ["endpoints", workspaceId] });
      release();
      toast({ title: `Endpoint “${data.attributes.name}” ${endpoint ? "saved" : "added"}.` });
      router.push(`${here}/${data.id}`);
    } catch (error) {
      if (!(error instanceof ReauthCancelled)) setErrors(sortErrors(error, POINTERS));
      setBusy(false);
    }
  };

  return (
    <>
      {errors.rest ? (
        <TroubleLine alert title="It was not saved.">
          {errors.rest}
        </TroubleLine>
      ) : null}
      <form
        className="card narrow-form"
        ref={form}
        aria-label={endpoint ? "Edit endpoint" : "Add endpoint"}
        noValidate
        onSubmit={(event) => void save(event)}
      >
        <div className="stack narrow-body">
          <Field label="Name" error={errors.fields.name} help="The program behind the proxy, such as “Orders API”.">
            <Input value={values.name} maxLength={200} onChange={(event) => set({ name: event.target.value })} />
          </Field>
          <OpenersField
            workspaceId={workspaceId}
            value={values.secrets}
            before={endpoint?.attributes.opened_by ?? []}
            onChange={(secrets) => set({ secrets })}
            error={errors.fields.secrets}
          />
          <Field
            label="Scopes of tokens"
            hint="optional"
            error={errors.fields.scopes}
            help="A token must have all of them. Passwords and keys have no scopes."
          >
            <ChipInput value={values.scopes} onChange={(scopes) => set({ scopes })} />
          </Field>
          <Fold
            title="Issuer and audience of tokens"
            summary={[values.issuer, values.audience].filter(Boolean).join(", ") || "As the secret says"}
            open={Boolean(errors.fields.issuer ?? errors.fields.audience)}
          >
            <Field
              label="Issuer"
              error={errors.fields.issuer}
              help="Left empty, the one that the token's secret names."
            >
              <Input value={values.issuer} maxLength={500} onChange={(event) => set({ issuer: event.target.value })} />
            </Field>
            <Field label="Audience" error={errors.fields.audience} help="Left empty, the same.">
              <Input
                value={values.audience}
                maxLength={500}
                onChange={(event) => set({ audience: event.target.value })}
              />
            </Field>
          </Fold>
          <FieldGroup legend="Open access">
            <Checkbox
              label="Let everybody through"
              text="Nobody needs a password, key or token. For maintenance, or while you set things up."
              checked={values.openAccess}
              onChange={(event) => (event.target.checked ? setAsking(true) : set({ openAccess: false }))}
            />
          </FieldGroup>
        </div>
        <div className="form-foot">
          <Button variant="plain" asChild>
            <Link href={endpoint ? `${here}/${endpoint.id}` : here}>Cancel</Link>
          </Button>
          <span className="spacer" />
          <Button variant="primary" type="submit" busy={busy}>
            {endpoint ? "Save" : "Add endpoint"}
          </Button>
        </div>
      </form>
      <ConfirmDialog
        open={asking}
        onOpenChange={setAsking}
        title="Let everybody through?"
        confirm="Let everybody through"
        onConfirm={() => {
          set({ openAccess: true });
          setAsking(false);
        }}
      >
        <p>
          Once this is saved, every request passes the proxy: without a password, key or token, from anybody who can
          reach it. Your program is not told who calls. It stays so until somebody switches it off, and it is recorded.
        </p>
      </ConfirmDialog>
      {question}
    </>
  );
}
