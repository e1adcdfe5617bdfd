import type { Caller } from "@/lib/access/caller";
import { denyUnknown } from "@/lib/access/permit";
import { INSTANCE_TENANT } from "@/lib/access/scope";
import { forgetSessions } from "@/lib/accounts/caller-cache";
import { requireWholePerson } from "@/lib/accounts/require-person";
import type { SessionRow } from "@/lib/accounts/session-store";
import * as sessions from "@/lib/accounts/session-store";
import { IDLE_MS } from "@/lib/accounts/session-token";
import { recordWith } from "@/lib/audit/record";
import { inTenant } from "@/lib/db/tx";

/** Use cases of browser sessions: one's own. */

/** Those alive, last used first. */
export async function listSessions(caller: Caller): Promise<SessionRow[]> {
  const userId = await requireWholePerson(caller, "session.list");
  const now = Date.now();
  return inTenant(INSTANCE_TENANT, (tx) => sessions.listSessionsOf(tx, userId, new Date(now), new Date(now - IDLE_MS)));
}

/** @throws AppError not_found, forbidden */
export async function endSession(caller: Caller, id: string): Promise<void> {
  const userId = await requireWholePerson(caller, "session.delete");
  const ended = await inTenant(INSTANCE_TENANT, async (tx) => {
    const row = await sessions.deleteSessionOf(tx, userId, id);
    if (row)
      await recordWith(tx, caller, {
        tenantId: INSTANCE_TENANT,
        action: "session.delete",
        target: { type: "session", id },
      });
    return row;
  });
  if (!ended) await denyUnknown(caller, "session.delete", { type: "session", id });
  forgetSessions();
}

/** Ends all the caller's sessions but the one that asks. */
export async function endOtherSessions(caller: Caller): Promise<void> {
  const userId = await requireWholePerson(caller, "session.delete");
  await inTenant(INSTANCE_TENANT, async (tx) => {
    const count = await sessions.deleteSessionsOf(tx, userId, ownSession(caller));
    await recordWith(tx, caller, {
      tenantId: INSTANCE_TENANT,
      action: "session.delete",
      target: { type: "user", id: userId },
      detail: { count },
    });
  });
  forgetSessions();
}

const ownSession = (caller: Caller) => (caller.via === "session" ? caller.credentialId : null);
