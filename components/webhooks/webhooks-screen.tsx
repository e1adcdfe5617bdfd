"use client";

import { useQuery } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import Link from "next/link";
import { useRouter } from "next/navigation";
import { useState } from "react";
import { ShownOnce } from "@/components/accounts/shown-once";
import { useMay } from "@/components/frame/use-may";
import { Button } from "@/components/ui/button";
import { Kbd } from "@/components/ui/kbd";
import { ListPage } from "@/components/ui/list-page";
import { moveInRows } from "@/components/ui/row-keys";
import type { Webhook } from "@/lib/sdk/resources";
import { WEBHOOK_EVENT_NAMES } from "@/lib/webhooks/events";
import { webhooksQuery } from "./queries";
import { WebhookDialog } from "./webhook-dialog";
import { WebhookState } from "./webhook-state";

/** The webhooks of a workspace: who is told of what, and whether it arrives. */
export function WebhooksScreen({ workspaceId }: { workspaceId: string }) {
  const router = useRouter();
  const may = useMay(workspaceId);
  const list = useQuery(webhooksQuery(workspaceId));
  const [adding, setAdding] = useState(false);
  const [made, setMade] = useState<Webhook | null>(null);
  const here = `/workspaces/${workspaceId}/webhooks`;
  const rows = list.data?.data ?? [];
  const add =
    may("workspaces.webhook.create") === false ? null : (
      <Button variant="primary" data-add onClick={() => setAdding(true)}>
        <Plus className="i" aria-hidden />
        Add webhook
        <Kbd className="wide-only">N</Kbd>
      </Button>
    );
  return (
    <>
      <ListPage
        one="webhook"
        total={list.data?.data.length}
        query={list}
        rows={3}
        add={add}
        empty="A webhook tells an address of yours when a secret needs a person, an auth client is rejected, or all works again. Many at once are one message."
      >
        <div className="card mt-6">
          <ul className="list" onKeyDown={moveInRows}>
            {rows.map(({ id, attributes }) => (
              <li key={id} className="hook">
                <div className="grow">
                  <Link href={`${here}/${id}`} data-row>
                    <b>{attributes.name}</b>
                  </Link>
                  <div className="meta">
                    <span>{hostOf(attributes.url)}</span>
                    <span>
                      {attributes.events.length === WEBHOOK_EVENT_NAMES.length
                        ? "All events"
                        : `${attributes.events.length} event${attributes.events.length === 1 ? "" : "s"}`}
                    </span>
                  </div>
                </div>
                <div className="hook-state">
                  <WebhookState {...attributes} />
                </div>
              </li>
            ))}
          </ul>
        </div>
      </ListPage>
      <WebhookDialog
        workspaceId={workspaceId}
        open={adding}
        onOpenChange={setAdding}
        webhook={null}
        onSaved={(webhook) => {
          setAdding(false);
          setMade(webhook);
        }}
      />
      <SigningSecret
        webhook={made}
        onClose={() => {
          if (made) router.push(`${here}/${made.id}`);
          setMade(null);
        }}
      />
    </>
  );
}

/** A signing secret right after it was made: the only time it can be seen. */
export function SigningSecret({ webhook, onClose }: { webhook: Webhook | null; onClose: () => void }) {
  return (
    <ShownOnce
      open={webhook !== null}
      onClose={onClose}
      title="The signing secret"
      values={[
        { label: "Signing secret", value: webhook?.attributes.signing_secret ?? "", copy: "Copy signing secret" },
      ]}
      use="Your receiver checks with it that a message is from Latchkey. How is on the webhook’s page."
    />
  );
}

export function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : url;
}
