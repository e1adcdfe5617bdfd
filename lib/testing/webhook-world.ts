import { expect } from "vitest";
import { POST as CREATE_SECRET } from "@/app/v2/workspaces/[workspaceId]/secrets/route";
import { POST as REDELIVER } from "@/app/v2/workspaces/[workspaceId]/webhooks/[webhookId]/deliveries/[deliveryId]/redeliver/route";
import { GET as DELIVERIES } from "@/app/v2/workspaces/[workspaceId]/webhooks/[webhookId]/deliveries/route";
import { POST as ROTATE } from "@/app/v2/workspaces/[workspaceId]/webhooks/[webhookId]/rotate/route";
import { DELETE, GET as GET_ONE, PATCH } from "@/app/v2/workspaces/[workspaceId]/webhooks/[webhookId]/route";
import { POST as TEST } from "@/app/v2/workspaces/[workspaceId]/webhooks/[webhookId]/test/route";
import { POST as CREATE, GET as LIST } from "@/app/v2/workspaces/[workspaceId]/webhooks/route";
import { attempt, holder } from "@/lib/webhooks/attempt";
import { claim } from "@/lib/webhooks/delivery-store";
import { WEBHOOK_EVENT_NAMES } from "@/lib/webhooks/events";
import { gather } from "@/lib/webhooks/gather";
import { LEASE_MS } from "@/lib/webhooks/policy";
import type { Place } from "./callers";
import type { TestDatabase } from "./database";
import { type Answer, call } from "./http";

let count = 0;

/** Calls of the webhook API and rounds of the worker, for tests. */
export function webhookCalls(at: () => { place: Place; auth: Record<string, string>; database: TestDatabase }) {
  const send = (
    handler: Parameters<typeof call>[0],
    method: string,
    ids: Record<string, string> = {},
    json?: unknown,
    as?: Record<string, string>,
  ): Promise<Answer> =>
    call(handler, { method, params: { workspaceId: at().place.workspaceId, ...ids }, as: as ?? at().auth, json });
  const body = (attributes: object, secretId?: string | null) => ({
    data: {
      type: "webhook",
      attributes,
      ...(secretId === undefined
        ? {}
        : {
            relationships: {
              auth_secret: { data: secretId === null ? null : { id: secretId, type: "auth-secret" } },
            },
          }),
    },
  });
  const calls = {
    create: (attributes: object, secretId?: string | null, as?: Record<string, string>) =>
      send(
        CREATE,
        "POST",
        {},
        body({ name: `Webhook ${++count}`, events: WEBHOOK_EVENT_NAMES, ...attributes }, secretId),
        as,
      ),
    /** A webhook, with its signing secret. */
    async add(attributes: object, secretId?: string): Promise<{ id: string; signing: string }> {
      const { status, body: made } = await calls.create(attributes, secretId);
      expect(status, JSON.stringify(made)).toBe(201);
      return { id: made.data.id, signing: made.data.attributes.signing_secret };
    },
    list: () => send(LIST, "GET"),
    get: (webhookId: string) => send(GET_ONE, "GET", { webhookId }),
    patch: (webhookId: string, attributes: object, secretId?: string | null, as?: Record<string, string>) =>
      send(PATCH, "PATCH", { webhookId }, body(attributes, secretId), as),
    remove: (webhookId: string) => send(DELETE, "DELETE", { webhookId }),
    rotate: (webhookId: string) => send(ROTATE, "POST", { webhookId }),
    test: (webhookId: string) => send(TEST, "POST", { webhookId }),
    log: async (webhookId: string) => (await send(DELIVERIES, "GET", { webhookId })).body.data,
    /** A static secret; something to happen. */
    async addPassword(name = `Told ${++count}`, more: object = {}): Promise<string> {
      const { status, body: made } = await send(
        CREATE_SECRET,
        "POST",
        {},
        {
          data: {
            type: "auth-secret",
            attributes: { name, type: "password", credentials: { password: "hush" }, ...more },
          },
        },
      );
      expect(status, JSON.stringify(made)).toBe(201);
      return made.data.id;
    },
    redeliver: (webhookId: string, deliveryId: string) => send(REDELIVER, "POST", { webhookId, deliveryId }),
    /** As if so much time had gone by since whatever waits happened, was told, or was tried. */
    async later(interval: string): Promise<void> {
      const { owner } = at().database;
      await owner`update webhook_events set at = at - ${interval}::interval`;
      await owner`update webhook_deliveries set created_at = created_at - ${interval}::interval,
        queued_at = queued_at - ${interval}::interval, next_attempt_at = next_attempt_at - ${interval}::interval,
        lease_until = lease_until - ${interval}::interval, finished_at = finished_at - ${interval}::interval`;
      await owner`update webhooks set failing_since = failing_since - ${interval}::interval,
        previous_until = previous_until - ${interval}::interval`;
    },
    /** One round of the worker's: puts together what has waited for long enough, and makes the attempts that are due. */
    async round(): Promise<number> {
      await gather();
      const leases = await claim(holder(), 100, [], LEASE_MS);
      await Promise.all(leases.map((lease) => attempt(lease)));
      return leases.length;
    },
  };
  return calls;
}
