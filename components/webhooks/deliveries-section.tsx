"use client";

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Loaded } from "@/components/accounts/loaded";
import { Section } from "@/components/accounts/section";
import { useAction } from "@/components/accounts/use-action";
import { api } from "@/components/frame/api";
import { Button } from "@/components/ui/button";
import { EmptyState } from "@/components/ui/empty-state";
import { Pager } from "@/components/ui/pager";
import { RelativeTime } from "@/components/ui/relative-time";
import { Status } from "@/components/ui/status";
import { TroubleLine } from "@/components/ui/trouble-line";
import type { WebhookDelivery } from "@/lib/sdk/resources";
import { WEBHOOK_EVENTS } from "@/lib/webhooks/events";
import { deliveriesQuery } from "./queries";

const STATES = {
  delivered: { kind: "fresh", word: "Delivered" },
  pending: { kind: "retrying", word: "Waiting" },
  failed: { kind: "expired", word: "Failed" },
} as const;

/** What was sent, newest first, and what became of it. */
export function DeliveriesSection({
  workspaceId,
  webhookId,
  held,
}: {
  workspaceId: string;
  webhookId: string;
  /** Why nothing can be delivered again; null when it can. */
  held: string | null;
}) {
  const queries = useQueryClient();
  const [page, setPage] = useState(1);
  const list = useQuery(deliveriesQuery(workspaceId, webhookId, page));
  const rows = list.data?.data ?? [];
  const again = useAction();
  const [asked, setAsked] = useState<string | null>(null);

  const redeliver = async (id: string) => {
    setAsked(id);
    await again.run(() => api.webhooks.redeliver(workspaceId, webhookId, id));
    await queries.invalidateQueries({ queryKey: ["webhooks", workspaceId, "deliveries", webhookId] });
  };
  return (
    <Section title="Deliveries" text="The last 30 days. Answers are not kept, only their status.">
      {again.error ? (
        <TroubleLine alert title="It was not delivered again.">
          {again.error}
        </TroubleLine>
      ) : null}
      <div className="card">
        <Loaded query={{ ...list, error: list.data ? null : list.error }} what="deliveries">
          {rows.length === 0 ? (
            <EmptyState small title="Nothing sent yet">
              Send a test to see whether messages arrive.
            </EmptyState>
          ) : (
            <ul className="list">
              {rows.map((row) => (
                <Delivery
                  key={row.id}
                  {...row}
                  held={held}
                  busy={again.busy && asked === row.id}
                  onAgain={() => void redeliver(row.id)}
                />
              ))}
            </ul>
          )}
        </Loaded>
      </div>
      <div className="rows-foot">
        <span>
          {list.data && list.data.meta.total > 0
            ? `${list.data.meta.total} message${list.data.meta.total === 1 ? "" : "s"}`
            : ""}
        </span>
        <Pager page={page} totalPages={list.data?.meta.total_pages ?? 1} onChange={setPage} />
      </div>
    </Section>
  );
}

function Delivery({
  attributes,
  held,
  busy,
  onAgain,
}: WebhookDelivery & { held: string | null; busy: boolean; onAgain: () => void }) {
  const { event, count, state, attempts, status, duration_ms, error, created_at, next_attempt_at, message_id } =
    attributes;
  const { kind, word } = STATES[state];
  const test = event === "webhook.test";
  return (
    <li className="hook">
      <div className="grow">
        <b>
          {test ? "Test" : WEBHOOK_EVENTS[event].label}
          {count > 1 ? ` (${count})` : ""}
        </b>
        <div className="meta">
          <RelativeTime at={created_at} />
          <span className="code" title={message_id}>
            {event}
          </span>
          {status === null ? null : <span>Status {status}</span>}
          {duration_ms === null ? null : <span>{duration_ms} ms</span>}
          {attempts > 1 ? <span>{attempts} attempts</span> : null}
        </div>
        {error ? <div className="why">{error.detail}</div> : null}
      </div>
      <div className="hook-state">
        <Status
          kind={kind}
          word={word}
          why={next_attempt_at && attempts > 0 ? <RelativeTime at={next_attempt_at} prefix="Again " /> : null}
        />
      </div>
      <div className="hook-act">
        {state === "pending" || test ? null : (
          <Button size="sm" busy={busy} disabledReason={held} onClick={onAgain} aria-label={`Deliver ${event} again`}>
            Deliver again
          </Button>
        )}
      </div>
    </li>
  );
}
