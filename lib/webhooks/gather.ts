import { inTenant } from "@/lib/db/tx";
import { newId } from "@/lib/ids";
import { waitingGroups } from "./delivery-store";
import { messageOf } from "./message";
import { GATHER_MS, GATHER_WINDOW_MS, gatherUntil, MOST_GATHER_MS } from "./policy";
import * as store from "./store";

/**
 * Makes messages of what happened: one for each webhook and group whose time has come. Taking out what happened and storing the
 * message are one transaction, so whoever dies in between has done neither. Any number of processes may do it at once.
 *
 * @returns how many messages were made
 */
export async function gather(): Promise<number> {
  let made = 0;
  for (const group of await waitingGroups(GATHER_MS, MOST_GATHER_MS, GATHER_WINDOW_MS))
    if (await gatherGroup(group)) made += 1;
  return made;
}

async function gatherGroup(group: { tenantId: string; webhookId: string; groupKey: string }): Promise<boolean> {
  const { tenantId, webhookId } = group;
  return inTenant(tenantId, async (tx) => {
    const seen = await store.lookAtGroup(tx, group, GATHER_WINDOW_MS);
    if (!seen || gatherUntil(seen.firstMs, seen.told, seen.lastMs) > seen.nowMs) return false;
    const happened = await store.takeGroup(tx, group);
    const webhook = await store.placeOf(tx, tenantId, webhookId);
    const event = happened[0]?.event;
    if (!webhook || event === undefined) return false;
    const { body, count } = messageOf(event, webhook.workspace, happened, new Date(seen.nowMs));
    const { workspace } = webhook;
    await store.insertDelivery(tx, {
      tenantId,
      id: newId(),
      webhookId,
      workspaceId: workspace.id,
      event,
      groupKey: group.groupKey,
      body,
      count,
    });
    return true;
  });
}
