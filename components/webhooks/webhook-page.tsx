"use client";

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Send } from "lucide-react";
import { useRouter } from "next/navigation";
import { type ReactNode, useState } from "react";
import { Section } from "@/components/accounts/section";
import { useAction } from "@/components/accounts/use-action";
import { api } from "@/components/frame/api";
import { useMay } from "@/components/frame/use-may";
import { Button } from "@/components/ui/button";
import { ConfirmDialog } from "@/components/ui/confirm-dialog";
import { Facts } from "@/components/ui/facts";
import { KeepEnd } from "@/components/ui/keep-end";
import { NotLoaded } from "@/components/ui/not-loaded";
import { Note } from "@/components/ui/note";
import { PageHead } from "@/components/ui/page-head";
import { RelativeTime } from "@/components/ui/relative-time";
import { useToast } from "@/components/ui/toast";
import { TroubleLine } from "@/components/ui/trouble-line";
import type { Webhook, WebhookDelivery } from "@/lib/sdk/resources";
import { WEBHOOK_EVENTS } from "@/lib/webhooks/events";
import { DeliveriesSection } from "./deliveries-section";
import { webhookQuery } from "./queries";
import { VerifyLines } from "./verify-lines";
import { WebhookDialog } from "./webhook-dialog";
import { WebhookState } from "./webhook-state";
import { SigningSecret } from "./webhooks-screen";

/** One webhook: what it is, what was delivered, how to verify, and its end. */
export function WebhookPage({ workspaceId, webhookId }: { workspaceId: string; webhookId: string }) {
  const query = useQuery(webhookQuery(workspaceId, webhookId));
  const here = `/workspaces/${workspaceId}/webhooks`;
  const webhook = query.data?.data;
  if (webhook) return <Shown workspaceId={workspaceId} webhook={webhook} />;
  return (
    <div className="page">
      <PageHead title="Webhook" crumbs={[{ href: here, label: "Webhooks" }]} />
      <div className="card mt-6">
        <NotLoaded what="webhook" list={here} query={query} />
      </div>
    </div>
  );
}

function Shown({ workspaceId, webhook }: { workspaceId: string; webhook: Webhook }) {
  const { name, url, events, enabled, off, auth_secret_name, previous_secret_until, created_at } = webhook.attributes;
  const router = useRouter();
  const queries = useQueryClient();
  const toast = useToast();
  const may = useMay(workspaceId);
  const [editing, setEditing] = useState(false);
  const [asking, setAsking] = useState<"rotate" | "delete" | null>(null);
  const [made, setMade] = useState<Webhook | null>(null);
  const [tested, setTested] = useState<WebhookDelivery | null>(null);
  const test = useAction();
  const change = useAction();
  const here = `/workspaces/${workspaceId}/webhooks`;
  const refresh = () => queries.invalidateQueries({ queryKey: ["webhooks", workspaceId] });
  const mayNot = may("workspaces.webhook.edit") === false ? "You may look at this webhook but not change it." : null;
  const mayNotDelete = may("workspaces.webhook.delete") === false ? "You may not delete webhooks here." : null;
  const secretId = webhook.relationships?.auth_secret?.data?.id;

  const sendTest = async () => {
    setTested(null);
    await test.run(async () => setTested((await api.webhooks.test(workspaceId, webhook.id)).data));
    await refresh();
  };
  const turn = async () => {
    if (!(await change.run(() => api.webhooks.update(workspaceId, webhook.id, { enabled: !enabled })))) return;
    toast({ title: enabled ? `“${name}” is switched off.` : `“${name}” is switched on.` });
    await refresh();
  };
  const rotate = async () => {
    if (!(await change.run(async () => setMade((await api.webhooks.rotate(workspaceId, webhook.id)).data)))) return;
    setAsking(null);
    await refresh();
  };
  const remove = async () => {
    if (!(await change.run(() => api.webhooks.remove(workspaceId, webhook.id)))) return;
    toast({ title: `Webhook “${name}” deleted.` });
    router.push(here);
    await queries.invalidateQueries({ queryKey: ["webhooks", workspaceId, "list"] });
  };
  const facts: { label: string; value: ReactNode }[] = [
    { label: "Address", value: <KeepEnd text={url} /> },
    { label: "Told of", value: events.map((event) => WEBHOOK_EVENTS[event].label).join(", ") },
    {
      label: "Authenticates with",
      value: secretId ? (auth_secret_name ?? "A secret that does not exist any more") : "Nothing besides the signature",
    },
    {
      label: "Signing secret",
      value: previous_secret_until ? (
        <RelativeTime at={previous_secret_until} prefix="The one before signs too, and ends " />
      ) : (
        "Shown once, when it was made"
      ),
    },
    { label: "State", value: <WebhookState {...webhook.attributes} /> },
    { label: "Added", value: <RelativeTime at={created_at} /> },
  ];
  return (
    <div className="page">
      <PageHead title={name} crumbs={[{ href: here, label: "Webhooks" }]}>
        <Button variant="primary" busy={test.busy} disabledReason={mayNot} onClick={() => void sendTest()}>
          <Send className="i" aria-hidden />
          Send test
        </Button>
      </PageHead>
      {off ? (
        <TroubleLine title="Switched off.">{off.detail} Mend the receiver, then switch it on again.</TroubleLine>
      ) : null}
      {test.error ? (
        <TroubleLine alert title="The test was not sent.">
          {test.error}
        </TroubleLine>
      ) : null}
      {tested ? <TestOutcome {...tested.attributes} /> : null}
      {change.error && asking === null ? (
        <TroubleLine alert title="It was not changed.">
          {change.error}
        </TroubleLine>
      ) : null}
      <div className="sections client-sections">
        <Section
          title="What it is"
          action={
            <div className="row-acts">
              <Button disabledReason={mayNot} busy={change.busy && asking === null} onClick={() => void turn()}>
                {enabled ? "Switch off" : "Switch on"}
              </Button>
              <Button disabledReason={mayNot} onClick={() => setEditing(true)}>
                Edit
              </Button>
            </div>
          }
        >
          <div className="card">
            <Facts items={facts} />
          </div>
        </Section>
        <DeliveriesSection
          workspaceId={workspaceId}
          webhookId={webhook.id}
          held={mayNot ?? (enabled ? null : "The webhook is off.")}
        />
        <VerifyLines />
        <Section
          title="New signing secret"
          text="The one before goes on signing for a day, so that your receiver can change over."
          action={
            <Button
              disabledReason={mayNot}
              onClick={() => {
                change.clear();
                setAsking("rotate");
              }}
            >
              Make a new signing secret…
            </Button>
          }
        />
        <Section
          title="Delete"
          text="Nothing is told any more, and the list of deliveries is gone."
          action={
            <Button
              variant="danger"
              disabledReason={mayNotDelete}
              onClick={() => {
                change.clear();
                setAsking("delete");
              }}
            >
              Delete webhook…
            </Button>
          }
        />
      </div>
      <WebhookDialog
        workspaceId={workspaceId}
        open={editing}
        onOpenChange={setEditing}
        webhook={webhook}
        onSaved={(saved) => {
          setEditing(false);
          if (saved.attributes.signing_secret) setMade(saved);
          toast({ title: `Webhook “${saved.attributes.name}” saved.` });
        }}
      />
      <SigningSecret webhook={made} onClose={() => setMade(null)} />
      <ConfirmDialog
        open={asking === "rotate"}
        onOpenChange={(open) => setAsking(open ? "rotate" : null)}
        title="Make a new signing secret?"
        confirm="Make a new one"
        busy={change.busy}
        error={change.error}
        onConfirm={() => void rotate()}
      >
        <p>Messages carry both signatures for a day. After that your receiver must know the new one.</p>
      </ConfirmDialog>
      <ConfirmDialog
        open={asking === "delete"}
        onOpenChange={(open) => setAsking(open ? "delete" : null)}
        title={`Delete the webhook “${name}”?`}
        confirm="Delete webhook"
        busy={change.busy}
        error={change.error}
        onConfirm={() => void remove()}
      >
        <p>Its receiver is told nothing any more, and what waits to be sent is not sent. There is no way back.</p>
      </ConfirmDialog>
    </div>
  );
}

function TestOutcome({ state, status, duration_ms, error }: WebhookDelivery["attributes"]) {
  return state === "delivered" ? (
    <Note tone="ok" live>
      The test arrived: the receiver answered {status} after {duration_ms} ms.
    </Note>
  ) : (
    <TroubleLine alert title="The test did not arrive.">
      {error?.detail}
    </TroubleLine>
  );
}
