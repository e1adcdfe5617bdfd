import type { Caller } from "@/lib/access/caller";
import type { Permission } from "@/lib/access/permissions";
import { countFor } from "@/lib/accounts/person-limits";
import { recordNow, recordWith } from "@/lib/audit/record";
import { inTenant } from "@/lib/db/tx";
import { AppError, notFound } from "@/lib/errors";
import { type Page, pageOffset, type Resource } from "@/lib/http/json-api";
import { isId, newId } from "@/lib/ids";
import { attempt, holder } from "./attempt";
import { TEST_EVENT } from "./events";
import { testMessage } from "./message";
import { LEASE_MS } from "./policy";
import { toDelivery } from "./resource";
import { findWebhook, permitted } from "./service";
import * as store from "./store";

/** Use cases of a webhook's deliveries: the log, a test, once more. */

const GET: Permission = "workspaces.webhook.get";
const EDIT: Permission = "workspaces.webhook.edit";

/** Newest first. @throws AppError not_found, forbidden */
export async function listDeliveries(
  caller: Caller,
  workspaceId: string,
  webhookId: string,
  page: Page,
): Promise<{ resources: Resource[]; total: number }> {
  const scope = await permitted(caller, GET, workspaceId, { id: webhookId });
  await findWebhook(caller, scope, webhookId, GET);
  const { tenantId } = scope;
  const { rows, total } = await inTenant(tenantId, (tx) =>
    store.listDeliveries(tx, tenantId, webhookId, pageOffset(page)),
  );
  return { resources: rows.map(toDelivery), total };
}

/**
 * One signed delivery now, as any other but made once, also of a webhook that is switched off. It is answered with what became of it.
 *
 * @throws AppError not_found, forbidden, throttled
 */
export async function testWebhook(caller: Caller, workspaceId: string, webhookId: string): Promise<Resource> {
  const scope = await permitted(caller, EDIT, workspaceId, { id: webhookId });
  const { tenantId, contractId } = scope;
  const row = await findWebhook(caller, scope, webhookId, EDIT);
  await limit(caller);
  const id = newId();
  const body = await inTenant(tenantId, async (tx) => {
    const place = await store.placeOf(tx, tenantId, webhookId);
    if (!place) throw notFound("webhook");
    const message = testMessage(place.workspace, { id: webhookId, name: place.name }, new Date());
    await store.insertDelivery(tx, {
      tenantId,
      id,
      webhookId,
      workspaceId,
      event: TEST_EVENT,
      groupKey: TEST_EVENT,
      ...message,
      attempts: 1,
      holder: holder(),
      leaseUntil: store.inMs(LEASE_MS),
    });
    await recordWith(tx, caller, {
      tenantId,
      workspaceId,
      action: "webhook.tested",
      target: { type: "webhook", id: webhookId, name: row.name },
      host: new URL(row.url).host,
    });
    return message.body;
  });
  await attempt({
    tenantId,
    id,
    webhookId,
    workspaceId,
    contractId,
    event: TEST_EVENT,
    body,
    attempts: 1,
    ageMs: 0,
    name: row.name,
    url: row.url,
    authSecretId: row.authSecretId,
    sealed: row.sealed,
    generation: row.generation,
    previousSigns: row.previousUntil !== null && row.previousUntil > new Date(),
  });
  return shown(tenantId, webhookId, id);
}

/**
 * Lines a finished message up once more, with the same id and body, so that a receiver that has it can tell. The worker delivers it.
 *
 * @throws AppError not_found, forbidden, conflict, throttled
 */
export async function redeliver(caller: Caller, workspaceId: string, webhookId: string, id: string): Promise<Resource> {
  const scope = await permitted(caller, EDIT, workspaceId, { id: webhookId });
  const { tenantId } = scope;
  const webhook = await findWebhook(caller, scope, webhookId, EDIT);
  if (!(await lookUp(tenantId, webhookId, id))) {
    const target = { type: "webhook-delivery", id };
    await recordNow(caller, { tenantId, workspaceId, action: EDIT, outcome: "denied", target });
    throw notFound("delivery");
  }
  if (!webhook.enabled)
    throw new AppError("conflict", "The webhook is switched off. Switch it on, then deliver the message again.");
  await limit(caller);
  await inTenant(tenantId, async (tx) => {
    if (!(await store.queueAgain(tx, tenantId, id)))
      throw new AppError("conflict", "This message is still being delivered.");
    await recordWith(tx, caller, {
      tenantId,
      workspaceId,
      action: "webhook.redelivered",
      target: { type: "webhook", id: webhookId, name: webhook.name },
      detail: { delivery: id },
    });
  });
  return shown(tenantId, webhookId, id);
}

async function lookUp(tenantId: string, webhookId: string, id: string): Promise<store.DeliveryRow | null> {
  return isId(id) ? inTenant(tenantId, (tx) => store.findDelivery(tx, tenantId, webhookId, id)) : null;
}

async function shown(tenantId: string, webhookId: string, id: string): Promise<Resource> {
  const row = await lookUp(tenantId, webhookId, id);
  if (!row) throw notFound("delivery");
  return toDelivery(row);
}

async function limit(caller: Caller): Promise<void> {
  const waitMs = await countFor(caller, "webhook");
  if (waitMs <= 0) return;
  const retryAfterS = Math.ceil(waitMs / 1000);
  throw new AppError("throttled", `You have sent many messages in a short time. Try again in ${retryAfterS} s.`, {
    retryAfterS,
  });
}
