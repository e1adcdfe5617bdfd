import { randomBytes } from "node:crypto";
import type { RequestFacts } from "@/lib/access/caller";
import { INSTANCE_TENANT } from "@/lib/access/scope";
import { forgetSessions } from "@/lib/accounts/caller-cache";
import { fullName } from "@/lib/accounts/callers";
import { emailKey } from "@/lib/accounts/email-key";
import { provePassword } from "@/lib/accounts/prove-password";
import { deleteSessionByMac, insertSession, pruneSessions } from "@/lib/accounts/session-store";
import { ABSOLUTE_MS } from "@/lib/accounts/session-token";
import { pruneThrottle } from "@/lib/accounts/throttle-store";
import { findUser, updateUser } from "@/lib/accounts/user-store";
import { type Actor, recordNow, recordWith } from "@/lib/audit/record";
import { mac } from "@/lib/crypto/mac";
import { inTenant } from "@/lib/db/tx";
import { AppError } from "@/lib/errors";
import { newId } from "@/lib/ids";

export interface SignInRequest {
  email: string;
  password: string;
  device: string | null;
  /** The session id the browser came with; it ends, whoever's it was (fixation). */
  oldSessionId: string | null;
  facts: RequestFacts;
}

export interface SignedIn {
  userId: string;
  /** 256 random bits; only its keyed hash is stored. */
  sessionId: string;
}

/**
 * Signs a person in: checks the password, ends the session the browser had, starts a new one and records it.
 *
 * @returns null for a wrong e-mail or password
 * @throws AppError throttled
 */
export async function signIn(request: SignInRequest): Promise<SignedIn | null> {
  const { email, password, device, facts } = request;
  let user: Awaited<ReturnType<typeof provePassword>>;
  try {
    user = await provePassword({ email, password, device, ip: facts.ip });
  } catch (error) {
    if (error instanceof AppError && error.code === "throttled") await recordFailure(email, facts, "throttled");
    throw error;
  }
  if (!user) {
    await recordFailure(email, facts, "wrong");
    return null;
  }
  const person = user;
  const sessionId = randomBytes(32).toString("base64url");
  const now = new Date();
  await inTenant(INSTANCE_TENANT, async (tx) => {
    if (request.oldSessionId) await deleteSessionByMac(tx, mac("session", request.oldSessionId));
    const id = newId(now.getTime());
    await insertSession(tx, {
      id,
      tokenMac: mac("session", sessionId),
      userId: person.id,
      createdAt: now,
      seenAt: now,
      authenticatedAt: now,
      expiresAt: new Date(now.getTime() + ABSOLUTE_MS),
      userAgent: facts.userAgent?.replaceAll("\0", "").slice(0, 300) ?? null,
      ip: facts.ip,
    });
    await updateUser(tx, person.id, { lastLoginAt: now });
    await recordWith(tx, actorOf(person.id, fullName(person.firstName, person.lastName) || person.email, facts), {
      tenantId: INSTANCE_TENANT,
      action: "sign_in",
      target: { type: "session", id },
    });
  });
  if (request.oldSessionId) forgetSessions();
  return { userId: person.id, sessionId };
}

/** Ends the session for good and records it; nothing when it has ended already. */
export async function signOut(sessionId: string, facts: RequestFacts): Promise<void> {
  await inTenant(INSTANCE_TENANT, async (tx) => {
    const ended = await deleteSessionByMac(tx, mac("session", sessionId));
    if (!ended) return;
    const user = await findUser(tx, ended.userId);
    const name = user ? fullName(user.firstName, user.lastName) || user.email : ended.userId;
    await recordWith(tx, actorOf(ended.userId, name, facts), {
      tenantId: INSTANCE_TENANT,
      action: "sign_out",
      target: { type: "session", id: ended.id },
    });
  });
  forgetSessions();
}

/** Removes what can never be used again: ended sessions, used-up codes, old counters; how many rows. For the job list. */
export async function pruneAccounts(nowMs: number = Date.now()): Promise<number> {
  return (await pruneSessions(new Date(nowMs))) + (await pruneThrottle(nowMs));
}

const actorOf = (id: string, name: string, facts: RequestFacts): Actor => ({
  kind: "user",
  id,
  name,
  via: "session",
  requestId: facts.requestId,
  ip: facts.ip,
  userAgent: facts.userAgent,
});

/** What was typed is kept as a keyed hash only: people type their password into the wrong field. */
async function recordFailure(email: string, facts: RequestFacts, reason: "wrong" | "throttled"): Promise<void> {
  await recordNow(
    {
      kind: "anonymous",
      name: "somebody signing in",
      via: "session",
      requestId: facts.requestId,
      ip: facts.ip,
      userAgent: facts.userAgent,
    },
    {
      tenantId: INSTANCE_TENANT,
      action: "sign_in_failed",
      outcome: "failed",
      detail: { reason, account: mac("throttle", `shown:${emailKey(email.slice(0, 320))}`).slice(0, 16) },
    },
  );
}
