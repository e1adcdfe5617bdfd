"use client";

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "@/components/frame/api";
import { RevealOptions } from "@/components/secrets/reveal-policy";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { Select } from "@/components/ui/select";
import { useToast } from "@/components/ui/toast";
import { TroubleLine } from "@/components/ui/trouble-line";
import type { RevealPolicy } from "@/lib/sdk/resources";
import { tenantsQuery } from "./queries";
import { Section } from "./section";
import { useAction } from "./use-action";

/** What the tenant's owner decides for every workspace of the tenant; nothing for everybody else. */
export function TenantSection({ tenantId }: { tenantId: string }) {
  const tenants = useQuery(tenantsQuery);
  const tenant = tenants.data?.data.find((one) => one.id === tenantId);
  if (!tenant || !tenants.data?.meta.permissions?.[tenantId]?.includes("tenants.tenant.edit")) return null;
  const { name, reveal } = tenant.attributes;
  return (
    <Section title="Tenant" text={`Holds for every workspace of ${name}. A secret's own setting may be stricter.`}>
      <Policy key={reveal} tenantId={tenantId} stored={reveal} />
    </Section>
  );
}

function Policy({ tenantId, stored }: { tenantId: string; stored: RevealPolicy }) {
  const queries = useQueryClient();
  const toast = useToast();
  const saving = useAction();
  const [chosen, setChosen] = useState(stored);
  const save = async () => {
    if (!(await saving.run(() => api.people.setReveal(tenantId, chosen)))) return;
    toast({
      title: chosen === "never" ? "Values are never shown to people now." : "Values can be shown to people now.",
    });
    // What each secret says of itself has changed with it.
    await Promise.all([tenantsQuery.queryKey, ["secrets"]].map((queryKey) => queries.invalidateQueries({ queryKey })));
  };
  return (
    <form
      className="card form-main stack"
      aria-label="Tenant"
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      {saving.error ? (
        <TroubleLine alert title="It was not saved.">
          {saving.error}
        </TroubleLine>
      ) : null}
      <Field
        label="Show values to people"
        help="Never: nobody is shown a stored value in the browser. API keys that may read everything in a secret read it either way."
      >
        <Select value={chosen} onChange={(event) => setChosen(event.target.value as RevealPolicy)}>
          <RevealOptions />
        </Select>
      </Field>
      <div>
        <Button type="submit" busy={saving.busy} disabledReason={chosen === stored ? "Nothing was changed." : null}>
          Save
        </Button>
      </div>
    </form>
  );
}
