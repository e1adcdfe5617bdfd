"use client";

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Pencil, TriangleAlert } from "lucide-react";
import Link from "next/link";
import { useRouter } from "next/navigation";
import { useState } from "react";
import { Section } from "@/components/accounts/section";
import { useAction } from "@/components/accounts/use-action";
import { api } from "@/components/frame/api";
import { useMay } from "@/components/frame/use-may";
import { Button } from "@/components/ui/button";
import { ConfirmDialog } from "@/components/ui/confirm-dialog";
import { CopyButton } from "@/components/ui/copy-button";
import { Facts } from "@/components/ui/facts";
import { KeepEnd } from "@/components/ui/keep-end";
import { Lines } from "@/components/ui/lines";
import { NotLoaded } from "@/components/ui/not-loaded";
import { PageHead } from "@/components/ui/page-head";
import { RelativeTime } from "@/components/ui/relative-time";
import { Tabs } from "@/components/ui/tabs";
import { useToast } from "@/components/ui/toast";
import { TroubleLine } from "@/components/ui/trouble-line";
import type { Endpoint } from "@/lib/sdk/resources";
import { ChecksSection } from "./checks-section";
import { typeWords } from "./endpoint-words";
import { proxyLinesOf, YOUR_PROGRAM } from "./proxy-lines";
import { endpointQuery } from "./queries";

/** One endpoint: who may pass, the lines for the proxy, who asked lately, and its end. */
export function EndpointPage({ workspaceId, endpointId }: { workspaceId: string; endpointId: string }) {
  const query = useQuery(endpointQuery(workspaceId, endpointId));
  const here = `/workspaces/${workspaceId}/endpoints`;
  const endpoint = query.data?.data;
  if (endpoint) return <Loaded workspaceId={workspaceId} endpoint={endpoint} />;
  return (
    <div className="page">
      <PageHead title="Endpoint" crumbs={[{ href: here, label: "Endpoints" }]} />
      <div className="card mt-6">
        <NotLoaded what="endpoint" list={here} query={query} />
      </div>
    </div>
  );
}

function Loaded({ workspaceId, endpoint }: { workspaceId: string; endpoint: Endpoint }) {
  const { name, open_access, problem } = endpoint.attributes;
  const may = useMay(workspaceId);
  const here = `/workspaces/${workspaceId}/endpoints`;
  return (
    <div className="page">
      <PageHead title={name} crumbs={[{ href: here, label: "Endpoints" }]}>
        {may("workspaces.endpoint.edit") === false ? null : (
          <Button asChild>
            <Link href={`${here}/${endpoint.id}/edit`}>
              <Pencil className="i" aria-hidden />
              Edit
            </Link>
          </Button>
        )}
      </PageHead>
      {open_access ? (
        <TroubleLine title="Open to everybody.">
          The proxy lets every request through, whoever sends it and whatever it brings.
        </TroubleLine>
      ) : problem ? (
        <TroubleLine title={`${problem.title}.`}>{problem.detail}</TroubleLine>
      ) : null}
      <div className="sections client-sections">
        <Section title="Who may pass">
          <div className="card">
            <EndpointFacts workspaceId={workspaceId} endpoint={endpoint} />
          </div>
        </Section>
        <ProxySection endpoint={endpoint} />
        <ChecksSection workspaceId={workspaceId} endpointId={endpoint.id} />
        {may("workspaces.endpoint.delete") === false ? null : (
          <DeleteSection workspaceId={workspaceId} endpoint={endpoint} />
        )}
      </div>
    </div>
  );
}

function EndpointFacts({ workspaceId, endpoint }: { workspaceId: string; endpoint: Endpoint }) {
  const { open_access, opened_by, scopes, issuer, audience, check_url, created_at } = endpoint.attributes;
  const asTheSecret = <span className="muted">As the token&apos;s secret says</span>;
  const secrets =
    opened_by.length === 0 ? (
      <span className="muted">No secret</span>
    ) : (
      <ul className="plain-list">
        {opened_by.map((secret) => (
          <li key={secret.id}>
            {secret.name === null ? (
              <span className="result tone-danger">
                <TriangleAlert className="i i-sm" aria-hidden />A secret that was deleted
              </span>
            ) : (
              <>
                <Link className="link" href={`/workspaces/${workspaceId}/secrets?manage=${secret.id}`}>
                  {secret.name}
                </Link>{" "}
                <span className="muted">{typeWords(secret.type)}</span>
              </>
            )}
          </li>
        ))}
      </ul>
    );
  return (
    <Facts
      items={[
        { label: "Open access", value: open_access ? "On: everybody passes" : "Off" },
        { label: "Secrets", value: secrets },
        {
          label: "Scopes of tokens",
          value: scopes.length > 0 ? scopes.join(" ") : <span className="muted">None needed</span>,
        },
        { label: "Issuer of tokens", value: issuer ?? asTheSecret },
        { label: "Audience of tokens", value: audience ?? asTheSecret },
        {
          label: "Asked at",
          value: <KeepEnd text={check_url} />,
          actions: <CopyButton variant="plain" size="sm" iconOnly label="Copy the address" text={check_url} />,
        },
        { label: "Added", value: <RelativeTime at={created_at} /> },
      ]}
    />
  );
}

function ProxySection({ endpoint }: { endpoint: Endpoint }) {
  const lines = proxyLinesOf(endpoint.attributes.check_url);
  const tab = (value: keyof typeof lines, label: string) => ({
    value,
    label,
    content: <Lines what={label} text={lines[value]} />,
  });
  return (
    <Section
      title="For your proxy"
      text="The proxy asks Latchkey about each request, and stops it unless the answer is yes."
    >
      <Tabs label="Lines for" tabs={[tab("nginx", "nginx"), tab("traefik", "Traefik"), tab("caddy", "Caddy")]} />
      <p className="help mt-2">
        Put your program&apos;s address in place of {YOUR_PROGRAM}. It is told who calls in the headers
        X-Latchkey-Subject, X-Latchkey-Secret and X-Latchkey-Scopes.
      </p>
    </Section>
  );
}

function DeleteSection({ workspaceId, endpoint }: { workspaceId: string; endpoint: Endpoint }) {
  const router = useRouter();
  const queries = useQueryClient();
  const toast = useToast();
  const removal = useAction();
  const [asking, setAsking] = useState(false);
  const { name } = endpoint.attributes;
  const remove = async () => {
    if (!(await removal.run(() => api.endpoints.remove(workspaceId, endpoint.id)))) return;
    setAsking(false);
    toast({ title: `Endpoint “${name}” deleted.` });
    router.push(`/workspaces/${workspaceId}/endpoints`);
    await queries.invalidateQueries({ queryKey: ["endpoints", workspaceId, "list"] });
  };
  return (
    <Section
      title="Delete"
      text="The proxy lets nobody through from then on, until its lines are taken out. The secrets stay."
      action={
        <Button
          variant="danger"
          onClick={() => {
            removal.clear();
            setAsking(true);
          }}
        >
          Delete endpoint…
        </Button>
      }
    >
      <ConfirmDialog
        open={asking}
        onOpenChange={setAsking}
        title={`Delete the endpoint “${name}”?`}
        confirm="Delete endpoint"
        busy={removal.busy}
        error={removal.error}
        onConfirm={() => void remove()}
      >
        <p>
          A proxy that still asks for it lets nobody through. Its log goes too; the activity keeps what happened. There
          is no way back.
        </p>
      </ConfirmDialog>
    </Section>
  );
}
