/** What webhooks tell of, once, with the words people read about it. Core: imports nothing. */

export const WEBHOOK_EVENTS = {
  "secret.reauthorization_needed": {
    label: "Secret needs re-authorization",
    one: "needs a person to authorize it again",
    many: "need a person to authorize them again",
  },
  "secret.recovered": { label: "Secret recovered", one: "works again", many: "work again" },
  "secret.expiring": {
    label: "Token ends and was not renewed",
    one: "has a token that ends, or has ended, without being renewed",
    many: "have tokens that end, or have ended, without being renewed",
  },
  "secret.paused": {
    label: "Secret paused",
    one: "is paused: the provider rejects its requests, or its stored tokens cannot be used",
    many: "are paused: the provider rejects their requests, or their stored tokens cannot be used",
  },
  "secret.refused": {
    label: "Token refused by an API",
    one: "had its token refused by the API it is for",
    many: "had their tokens refused by the API they are for",
  },
  "secret.created": { label: "Secret added", one: "was added", many: "were added" },
  "secret.deleted": { label: "Secret deleted", one: "was deleted", many: "were deleted" },
  "client.paused": {
    label: "Auth client paused",
    one: "waits for an administrator: the provider rejects it, and its secrets are not refreshed meanwhile",
    many: "",
  },
  "client.recovered": { label: "Auth client recovered", one: "is accepted again", many: "" },
} as const;

export type WebhookEvent = keyof typeof WEBHOOK_EVENTS;

/** What Send test delivers; nobody subscribes to it. */
export const TEST_EVENT = "webhook.test";

export const WEBHOOK_EVENT_NAMES = Object.keys(WEBHOOK_EVENTS) as [WebhookEvent, ...WebhookEvent[]];

export function isWebhookEvent(text: string): text is WebhookEvent {
  return Object.hasOwn(WEBHOOK_EVENTS, text);
}
