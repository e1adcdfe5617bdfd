import { randomBytes } from "node:crypto";
import { INSTANCE_TENANT } from "@/lib/access/scope";
import { parseApiKey } from "@/lib/accounts/api-key-format";
import { forgetCallers } from "@/lib/accounts/caller-cache";
import { fullName } from "@/lib/accounts/callers";
import { endCodes, findCode, replaceCode, takeCode } from "@/lib/accounts/code-store";
import { emailKey } from "@/lib/accounts/email-key";
import { insertKey } from "@/lib/accounts/key-store";
import { countCodeGuess } from "@/lib/accounts/prove-password";
import { deleteSessionsOf } from "@/lib/accounts/session-store";
import {
  ensureInstanceTenant,
  insertContract,
  insertMembership,
  insertTenant,
  insertWorkspace,
  lockFirstStart,
  switchTenant,
} from "@/lib/accounts/tree-store";
import { anyUser, findUser, findUserByEmailKey, insertUser, updateUser } from "@/lib/accounts/user-store";
import { type Actor, recordWith } from "@/lib/audit/record";
import { settings } from "@/lib/config";
import { mac } from "@/lib/crypto/mac";
import { hashPassword } from "@/lib/crypto/password";
import { inTenant, type Tx } from "@/lib/db/tx";
import { AppError } from "@/lib/errors";
import { newId, newRedirectCode } from "@/lib/ids";

const SETUP_CODE_MS = 24 * 60 * 60_000;
const RESET_CODE_MS = 60 * 60_000;
/** 192 random bits as base64url. */
const CODE_BYTES = 24;
const CODE_FORM = /^[A-Za-z0-9_-]{32}$/;

const COMMAND: Actor = { kind: "system", name: "Latchkey's operator", via: "command" };

/**
 * What each start does about accounts. Without any account: the first one from LATCHKEY_BOOTSTRAP_*, or else a new one-time
 * set-up code that ends the older ones. With an account: nothing. Safe when several processes start at once.
 *
 * @returns the set-up code in clear, for the terminal and nowhere else; null when none is needed
 */
export async function prepareFirstStart(): Promise<{ setupCode: string | null }> {
  await ensureInstanceTenant(newRedirectCode());
  const { bootstrap, role } = settings();
  if (await inTenant(INSTANCE_TENANT, anyUser)) return { setupCode: null };
  const passwordHash = bootstrap && (await hashPassword(bootstrap.password));
  const code = randomBytes(CODE_BYTES).toString("base64url");
  return inTenant(INSTANCE_TENANT, async (tx) => {
    await lockFirstStart(tx);
    if (await anyUser(tx)) return { setupCode: null };
    if (bootstrap && passwordHash) {
      await createFirstAccount(tx, COMMAND, {
        email: bootstrap.email,
        passwordHash,
        firstName: "",
        lastName: "",
        organisation: "Default",
        apiKey: bootstrap.apiKey,
      });
      return { setupCode: null };
    }
    // A worker has nobody to show a code to, and must not end the one that was shown.
    if (role === "worker") return { setupCode: null };
    const now = new Date();
    await replaceCode(tx, {
      codeMac: mac("one-time-code", code),
      kind: "setup",
      userId: null,
      createdAt: now,
      expiresAt: new Date(now.getTime() + SETUP_CODE_MS),
    });
    return { setupCode: code };
  });
}

/**
 * A one-time code with which the account's owner sets a new password within an hour; ends older ones. For the command
 * `npm run reset-password`, whose user has the machine.
 *
 * @throws AppError not_found when nobody has that e-mail
 */
export async function issueResetCode(email: string): Promise<string> {
  const code = randomBytes(CODE_BYTES).toString("base64url");
  const now = new Date();
  return inTenant(INSTANCE_TENANT, async (tx) => {
    const user = await findUserByEmailKey(tx, emailKey(email));
    if (!user) throw new AppError("not_found", "No account has this e-mail address.");
    await replaceCode(tx, {
      codeMac: mac("one-time-code", code),
      kind: "reset",
      userId: user.id,
      createdAt: now,
      expiresAt: new Date(now.getTime() + RESET_CODE_MS),
    });
    await recordWith(tx, COMMAND, {
      tenantId: INSTANCE_TENANT,
      action: "reset_link.create",
      target: { type: "user", id: user.id, name: user.email },
    });
    return code;
  });
}

/** One answer for a code that never was, is used up or too old. */
const unusable = () =>
  new AppError(
    "not_found",
    "This link does not work any more. It serves once and for a limited time: start Latchkey again, or run npm run reset-password, for a new one.",
  );

/** What a one-time code is for; @throws AppError not_found, throttled */
export async function checkCode(
  code: string,
  ip: string | null,
): Promise<{ kind: "setup" } | { kind: "reset"; email: string }> {
  const refund = await countCodeGuess(ip);
  if (!CODE_FORM.test(code)) throw unusable();
  const found = await inTenant(INSTANCE_TENANT, async (tx) => {
    const row = await findCode(tx, mac("one-time-code", code), new Date());
    if (!row) return null;
    if (row.kind === "setup") return (await anyUser(tx)) ? null : { kind: "setup" as const };
    const user = row.userId ? await findUser(tx, row.userId) : null;
    return user && { kind: "reset" as const, email: user.email };
  });
  if (!found) throw unusable();
  await refund();
  return found;
}

export interface Redemption {
  code: string;
  /** The new account's; of no account when a password is reset. */
  email?: string;
  password: string;
  firstName: string;
  lastName: string;
  /** The organisation's name; set-up only. */
  tenant?: string;
  actor: Pick<Actor, "requestId" | "ip" | "userAgent">;
}

/**
 * Uses a one-time code: makes the first account with its tenant, contract and workspace, or sets a new password and ends
 * every session of that account. The code is used up in the same transaction, so it serves once.
 *
 * @returns the account's e-mail, for the sign-in that follows
 * @throws AppError not_found, throttled, invalid_attribute
 */
export async function redeemCode(given: Redemption): Promise<{ email: string }> {
  const refund = await countCodeGuess(given.actor.ip ?? null);
  if (!CODE_FORM.test(given.code)) throw unusable();
  const codeMac = mac("one-time-code", given.code);
  // Looked at first, so that hashing a password is not to be had for nothing.
  if (!(await inTenant(INSTANCE_TENANT, (tx) => findCode(tx, codeMac, new Date())))) throw unusable();
  const passwordHash = await hashPassword(given.password);
  const result = await inTenant(INSTANCE_TENANT, async (tx) => {
    await lockFirstStart(tx);
    const code = await takeCode(tx, codeMac, new Date());
    if (!code) throw unusable();
    if (code.kind === "reset") return resetPassword(tx, code.userId, passwordHash, given.actor);
    if (await anyUser(tx)) throw unusable();
    if (given.email === undefined)
      throw new AppError("invalid_attribute", "The first account needs an e-mail address.", {
        source: { pointer: "/email" },
      });
    await createFirstAccount(
      tx,
      { kind: "anonymous", name: "the set-up link", via: "setup", ...given.actor },
      {
        email: given.email,
        passwordHash,
        firstName: given.firstName,
        lastName: given.lastName,
        organisation: given.tenant || "Default",
        apiKey: undefined,
      },
    );
    return { email: given.email };
  });
  await refund();
  forgetCallers();
  return result;
}

async function resetPassword(
  tx: Tx,
  userId: string | null,
  passwordHash: string,
  actor: Redemption["actor"],
): Promise<{ email: string }> {
  const user = userId ? await findUser(tx, userId) : null;
  if (!user) throw unusable();
  await updateUser(tx, user.id, { passwordHash });
  await deleteSessionsOf(tx, user.id, null);
  await recordWith(
    tx,
    { kind: "user", id: user.id, name: fullName(user.firstName, user.lastName) || user.email, via: "reset", ...actor },
    { tenantId: INSTANCE_TENANT, action: "password.reset", target: { type: "user", id: user.id, name: user.email } },
  );
  return { email: user.email };
}

interface FirstAccount {
  email: string;
  passwordHash: string;
  firstName: string;
  lastName: string;
  organisation: string;
  apiKey: string | undefined;
}

/** The account that owns the first tenant, contract and workspace and operates the instance. `tx` is in the instance's tenant. */
async function createFirstAccount(tx: Tx, actor: Actor, account: FirstAccount): Promise<void> {
  const now = Date.now();
  const [userId, tenantId, contractId, workspaceId] = [newId(now), newId(now), newId(now), newId(now)];
  await insertUser(tx, {
    id: userId,
    email: account.email,
    emailKey: emailKey(account.email),
    firstName: account.firstName,
    lastName: account.lastName,
    passwordHash: account.passwordHash,
  });
  await insertMembership(tx, {
    tenantId: INSTANCE_TENANT,
    scopeKind: "instance",
    scopeId: INSTANCE_TENANT,
    userId,
    role: "operator",
  });
  if (account.apiKey !== undefined) {
    const id = newId(now);
    await insertKey(tx, {
      tenantId: INSTANCE_TENANT,
      id,
      kind: "user",
      userId,
      name: "LATCHKEY_BOOTSTRAP_API_KEY",
      hint: keyHint(account.apiKey),
      keyMac: mac("api-key", account.apiKey),
      createdBy: userId,
    });
  }
  await endCodes(tx, "setup");
  await recordWith(tx, actor, {
    tenantId: INSTANCE_TENANT,
    action: "account.create",
    target: { type: "user", id: userId, name: account.email },
  });

  await switchTenant(tx, tenantId);
  const owns = (scopeKind: "tenant" | "contract" | "workspace", scopeId: string) =>
    insertMembership(tx, { tenantId, scopeKind, scopeId, userId, role: "owner" });
  await insertTenant(tx, { tenantId, name: account.organisation, redirectCode: newRedirectCode() });
  await owns("tenant", tenantId);
  await insertContract(tx, { tenantId, id: contractId, name: account.organisation, redirectCode: newRedirectCode() });
  await owns("contract", contractId);
  await insertWorkspace(tx, {
    tenantId,
    id: workspaceId,
    contractId,
    name: "Default",
    redirectCode: newRedirectCode(),
  });
  await owns("workspace", workspaceId);
  await recordWith(tx, actor, {
    tenantId,
    workspaceId,
    action: "workspace.create",
    target: { type: "workspace", id: workspaceId, name: "Default" },
  });
}

/** What a list may show of a key to tell it from others: its prefix and id; of a foreign one nothing. */
export function keyHint(key: string): string {
  const parsed = parseApiKey(key);
  return parsed && parsed !== "malformed" ? `latchkey_${parsed.kind}_${parsed.id}` : "given at first start";
}
