import type { WebhookEvent } from "@/lib/webhooks/events";
import type { Client, PageMeta, RequestOptions } from "./client";
import type { Webhook, WebhookDelivery } from "./resources";

type Wait = Pick<RequestOptions, "signal">;

export interface NewWebhook {
  name: string;
  url: string;
  events: readonly WebhookEvent[];
  /** True unless said. */
  enabled?: boolean;
  /** A secret of the workspace that authenticates deliveries; its allowed hosts must allow the address. */
  authSecretId?: string | null;
}

/** What is absent stays. With another `url`, `authSecretId` must be said again where there is one. */
export type WebhookChange = Partial<NewWebhook>;

const at = (workspaceId: string, webhookId?: string, tail = "") =>
  `/v2/workspaces/${encodeURIComponent(workspaceId)}/webhooks${webhookId === undefined ? "" : `/${encodeURIComponent(webhookId)}`}${tail}`;

function bodyOf({ authSecretId, ...attributes }: WebhookChange, id?: string) {
  return {
    data: {
      type: "webhook",
      ...(id === undefined ? {} : { id }),
      attributes,
      ...(authSecretId === undefined
        ? {}
        : {
            relationships: {
              auth_secret: { data: authSecretId === null ? null : { id: authSecretId, type: "auth-secret" } },
            },
          }),
    },
  };
}

/** Calls about webhooks and their deliveries. All reject with `LatchkeyError`. */
export function webhookCalls(client: Client) {
  return {
    list: (workspaceId: string, wait: Wait = {}) => client.list<Webhook>(at(workspaceId), wait),
    get: (workspaceId: string, webhookId: string, wait: Wait = {}) =>
      client.single<Webhook>("GET", at(workspaceId, webhookId), wait),
    /** `attributes.signing_secret` is in this answer and never again. */
    create: (workspaceId: string, given: NewWebhook) =>
      client.single<Webhook>("POST", at(workspaceId), { body: bodyOf(given) }),
    /** With another `url`, `attributes.signing_secret` is a new one, in this answer and never again. */
    update: (workspaceId: string, webhookId: string, change: WebhookChange) =>
      client.single<Webhook>("PATCH", at(workspaceId, webhookId), { body: bodyOf(change, webhookId) }),
    async remove(workspaceId: string, webhookId: string): Promise<void> {
      await client.request("DELETE", at(workspaceId, webhookId));
    },
    /** A new signing secret, in this answer and never again; the one before goes on signing for a day. */
    rotate: (workspaceId: string, webhookId: string) =>
      client.single<Webhook>("POST", at(workspaceId, webhookId, "/rotate")),
    /** One signed delivery now; the answer says what became of it. */
    test: (workspaceId: string, webhookId: string) =>
      client.single<WebhookDelivery>("POST", at(workspaceId, webhookId, "/test")),
    /** Newest first, 20 a page. */
    deliveries: (workspaceId: string, webhookId: string, page = 1, wait: Wait = {}) =>
      client.list<WebhookDelivery, PageMeta>(at(workspaceId, webhookId, "/deliveries"), {
        query: { "page[number]": page, "page[size]": 20 },
        ...wait,
      }),
    /** A finished message once more, with the same id and body. */
    redeliver: (workspaceId: string, webhookId: string, deliveryId: string) =>
      client.single<WebhookDelivery>(
        "POST",
        at(workspaceId, webhookId, `/deliveries/${encodeURIComponent(deliveryId)}/redeliver`),
      ),
  };
}
