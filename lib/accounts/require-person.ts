import { boundWorkspace, type Caller, isNarrowed } from "@/lib/access/caller";
import { deny } from "@/lib/access/permit";
import { GLOBAL, INSTANCE_TENANT } from "@/lib/access/scope";
import { recordNow } from "@/lib/audit/record";
import { AppError } from "@/lib/errors";

/** A task identity is nobody's account. @returns the person's id @throws AppError forbidden */
export async function requirePerson(caller: Caller, action: string): Promise<string> {
  return caller.userId ?? deny(caller, action, boundWorkspace(caller) ?? GLOBAL, { type: "user" });
}

/**
 * A key limited to some permissions or workspaces does not act for the account itself: it would see, or end, what is stronger
 * than it.
 *
 * @returns the person's id
 * @throws AppError forbidden
 */
export async function requireWholePerson(caller: Caller, action: string): Promise<string> {
  const userId = await requirePerson(caller, action);
  if (!isNarrowed(caller)) return userId;
  return refuse(
    caller,
    action,
    userId,
    "This API key is limited, and what concerns your account is outside its limits.",
  );
}

/** Passwords and sessions are a browser's business: a key must not become one. @throws AppError forbidden */
export async function requireSession(caller: Caller, action: string): Promise<string> {
  const userId = await requirePerson(caller, action);
  if (caller.via === "session") return userId;
  return refuse(caller, action, userId, "This is done signed in to the console, not with an API key.");
}

async function refuse(caller: Caller, action: string, userId: string, text: string): Promise<never> {
  await recordNow(caller, {
    tenantId: INSTANCE_TENANT,
    action,
    outcome: "denied",
    target: { type: "user", id: userId },
  });
  throw new AppError("forbidden", text);
}
