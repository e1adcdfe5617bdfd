import type { WebhookEvent } from "@/lib/webhooks/events";
import type { One, Resource } from "../client";

/** Who is told of what, and whether it arrived. */

export type Webhook = Resource<
  "webhook",
  {
    name: string;
    url: string;
    events: WebhookEvent[];
    enabled: boolean;
    /** Why Latchkey switched it off: the receiver answered 410, or nothing arrived for days. */
    off: { code: "gone" | "failing"; detail: string; at: string } | null;
    /** Null: none is chosen, or it is gone. */
    auth_secret_name: string | null;
    /** `whsec_…`: in the answer that made it, and never again. */
    signing_secret?: string;
    /** Until then the signing secret before this one signs, too. */
    previous_secret_until: string | null;
    failing_since: string | null;
    delivered_at: string | null;
    created_at: string;
    updated_at: string;
  },
  { workspace: One<"workspace">; auth_secret?: One<"auth-secret"> }
>;

export type WebhookDelivery = Resource<
  "webhook-delivery",
  {
    /** As the header `webhook-id` says it. */
    message_id: string;
    event: WebhookEvent | "webhook.test";
    /** How many secrets, or auth clients, it tells of. */
    count: number;
    state: "pending" | "delivered" | "failed";
    attempts: number;
    /** Of the last attempt. */
    status: number | null;
    duration_ms: number | null;
    error: { code: string; detail: string } | null;
    created_at: string;
    attempted_at: string | null;
    next_attempt_at: string | null;
    finished_at: string | null;
  },
  { webhook: One<"webhook"> }
>;
