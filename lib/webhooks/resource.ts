import { z } from "zod";
import type { Sensitive } from "@/lib/crypto/sensitive";
import { checkLiteral } from "@/lib/egress/safe-fetch";
import { type Resource, related } from "@/lib/http/json-api";
import { displayName } from "@/lib/secret-types/names";
import { WEBHOOK_EVENT_NAMES } from "./events";
import { failureText } from "./failure";
import { ATTEMPT_MS } from "./policy";
import type { DeliveryRow, ListedWebhook } from "./store";

/** Webhooks and their deliveries on the wire, in and out. */

const address = z
  .string("must be a URL such as https://example.com/latchkey")
  .max(2_000, "must have 2,000 characters at most")
  .superRefine((text, context) => {
    const message = checkLiteral(text) ?? (new URL(text).hash === "" ? null : "must have no # and what follows it");
    if (message) context.addIssue({ code: "custom", message });
  });

const events = z
  .array(z.enum(WEBHOOK_EVENT_NAMES, `must be one of ${WEBHOOK_EVENT_NAMES.join(", ")}`), "must be a list of events")
  .min(1, "must name at least one event")
  .max(50, "must have 50 events at most")
  .transform((names) => [...new Set(names)]);

const relationships = z.strictObject({
  /** Null: deliveries are not authenticated. */
  auth_secret: z
    .strictObject({
      data: z
        .object({
          id: z.string().min(1, "must name an id"),
          type: z.literal("auth-secret", "must be auth-secret"),
        })
        .nullable(),
      links: z.unknown().optional(),
    })
    .optional(),
});

export const createBody = z.strictObject({
  data: z.strictObject({
    type: z.literal("webhook", "must be webhook"),
    attributes: z.strictObject({
      name: displayName,
      url: address,
      events,
      enabled: z.boolean("must be true or false").default(true),
    }),
    relationships: relationships.optional(),
  }),
});
export type CreateBody = z.infer<typeof createBody>;

export const updateBody = z.strictObject({
  data: z.strictObject({
    type: z.literal("webhook", "must be webhook"),
    id: z.string().optional(),
    attributes: z
      .strictObject({
        name: displayName.optional(),
        url: address.optional(),
        events: events.optional(),
        enabled: z.boolean("must be true or false").optional(),
      })
      .default({}),
    relationships: relationships.optional(),
  }),
});
export type UpdateBody = z.infer<typeof updateBody>;

const OFF = {
  gone: "The receiver answered 410 Gone, so nothing is sent to it any more.",
  failing: "Nothing could be delivered for more than three days, so nothing is sent any more.",
} as const;

const iso = (at: Date | null) => at?.toISOString() ?? null;
const path = (workspaceId: string, id: string) => `/v2/workspaces/${workspaceId}/webhooks/${id}`;

/** @param signing the signing secret, right after it was made and never again */
export function toWebhook(row: ListedWebhook, signing?: Sensitive<string>): Resource {
  const { workspaceId } = row;
  return {
    id: row.id,
    type: "webhook",
    attributes: {
      name: row.name,
      url: row.url,
      events: row.events,
      enabled: row.enabled,
      off:
        row.offReason === null
          ? null
          : { code: row.offReason, detail: OFF[row.offReason as keyof typeof OFF] ?? "", at: iso(row.offAt) },
      auth_secret_name: row.authSecretName,
      ...(signing === undefined ? {} : { signing_secret: signing.reveal() }),
      previous_secret_until: iso(row.previousUntil && row.previousUntil > new Date() ? row.previousUntil : null),
      failing_since: iso(row.failingSince),
      delivered_at: iso(row.deliveredAt),
      created_at: iso(row.createdAt),
      updated_at: iso(row.updatedAt),
    },
    relationships: {
      workspace: related("workspace", workspaceId, `/v2/workspaces/${workspaceId}`),
      ...(row.authSecretId === null
        ? {}
        : {
            auth_secret: related(
              "auth-secret",
              row.authSecretId,
              `/v2/workspaces/${workspaceId}/secrets/${row.authSecretId}`,
            ),
          }),
    },
    links: { self: path(workspaceId, row.id) },
  };
}

export function toDelivery(row: DeliveryRow): Resource {
  return {
    id: row.id,
    type: "webhook-delivery",
    attributes: {
      /** As the header `webhook-id` says it. */
      message_id: `msg_${row.id}`,
      event: row.event,
      count: row.count,
      state: row.state,
      attempts: row.attempts,
      status: row.status,
      duration_ms: row.durationMs,
      error:
        row.error === null ? null : { code: row.error, detail: failureText(row.error, row.status, ATTEMPT_MS / 1000) },
      created_at: iso(row.createdAt),
      attempted_at: iso(row.attemptedAt),
      next_attempt_at: row.state === "pending" ? iso(row.nextAttemptAt) : null,
      finished_at: iso(row.finishedAt),
    },
    relationships: {
      webhook: related("webhook", row.webhookId, path(row.workspaceId, row.webhookId)),
    },
    links: { self: `${path(row.workspaceId, row.webhookId)}/deliveries/${row.id}` },
  };
}
