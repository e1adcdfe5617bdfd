import { randomBytes } from "node:crypto";
import { encode } from "next-auth/jwt";
import { TASK_PERMISSIONS } from "@/lib/access/permissions";
import { INSTANCE_TENANT } from "@/lib/access/scope";
import { newApiKey } from "@/lib/accounts/api-key-format";
import { emailKey } from "@/lib/accounts/email-key";
import { insertKey } from "@/lib/accounts/key-store";
import { insertSession } from "@/lib/accounts/session-store";
import { ABSOLUTE_MS, sessionCookieName, sessionSecret } from "@/lib/accounts/session-token";
import {
  ensureInstanceTenant,
  insertContract,
  insertMembership,
  insertTenant,
  insertWorkspace,
} from "@/lib/accounts/tree-store";
import { insertUser } from "@/lib/accounts/user-store";
import { settings } from "@/lib/config";
import { mac } from "@/lib/crypto/mac";
import { hashPassword } from "@/lib/crypto/password";
import { inTenant } from "@/lib/db/tx";
import { newId, newRedirectCode } from "@/lib/ids";

/** Roles by place: what a test person holds. */
export interface Roles {
  operator?: boolean;
  tenant?: string;
  contract?: string;
  workspace?: string;
}

export interface Place {
  tenantId: string;
  contractId: string;
  workspaceId: string;
}

export interface Person {
  id: string;
  email: string;
  key: string;
  keyId: string;
  /** HTTP Basic with e-mail and API key. */
  basic: Record<string, string>;
}

export interface Task {
  id: string;
  username: string;
  key: string;
  basic: Record<string, string>;
}

export function basic(user: string, key: string): Record<string, string> {
  return { authorization: `Basic ${Buffer.from(`${user}:${key}`).toString("base64")}` };
}

let count = 0;

/** A tenant with a contract and a workspace, straight into the database. */
export async function makePlace(): Promise<Place> {
  await ensureInstanceTenant(newRedirectCode());
  const place = { tenantId: newId(), contractId: newId(), workspaceId: newId() };
  await inTenant(place.tenantId, async (tx) => {
    await insertTenant(tx, { tenantId: place.tenantId, name: `Tenant ${++count}`, redirectCode: newRedirectCode() });
  });
  await addContract(place.tenantId, place.contractId);
  await addWorkspace(place, place.workspaceId);
  return place;
}

export async function addContract(tenantId: string, id: string = newId()): Promise<string> {
  await inTenant(tenantId, async (tx) => {
    await insertContract(tx, { tenantId, id, name: `Contract ${++count}`, redirectCode: newRedirectCode() });
  });
  return id;
}

/** Another workspace in the place's contract. */
export async function addWorkspace(place: Place, id: string = newId()): Promise<string> {
  await inTenant(place.tenantId, async (tx) => {
    await insertWorkspace(tx, {
      tenantId: place.tenantId,
      id,
      contractId: place.contractId,
      name: `Workspace ${++count}`,
      redirectCode: newRedirectCode(),
    });
  });
  return id;
}

/** A person with an API key and these roles in the place; a password only where the test signs in, because hashing is slow. */
export async function makePerson(
  place: Place | null,
  roles: Roles = {},
  more: { email?: string; password?: string; keyExpiresAt?: Date } = {},
): Promise<Person> {
  const id = newId();
  const email = more.email ?? `person${++count}@example.com`;
  const keyId = newId();
  const key = newApiKey("pat", keyId);
  const passwordHash = more.password ? await hashPassword(more.password) : null;
  await inTenant(INSTANCE_TENANT, async (tx) => {
    await insertUser(tx, {
      id,
      email,
      emailKey: emailKey(email),
      firstName: "Pat",
      lastName: `No. ${count}`,
      passwordHash,
    });
    await insertKey(tx, {
      tenantId: INSTANCE_TENANT,
      id: keyId,
      kind: "user",
      userId: id,
      name: "test",
      hint: `latchkey_pat_${keyId}`,
      keyMac: mac("api-key", key),
      expiresAt: more.keyExpiresAt,
      createdBy: id,
    });
    if (roles.operator)
      await insertMembership(tx, {
        tenantId: INSTANCE_TENANT,
        scopeKind: "instance",
        scopeId: INSTANCE_TENANT,
        userId: id,
        role: "operator",
      });
  });
  if (place) await addRoles(id, place, roles);
  return { id, email, key, keyId, basic: basic(email, key) };
}

export async function addRoles(userId: string, place: Place, roles: Roles): Promise<void> {
  const { tenantId } = place;
  await inTenant(tenantId, async (tx) => {
    const add = (scopeKind: "tenant" | "contract" | "workspace", scopeId: string, role: string | undefined) =>
      role === undefined ? undefined : insertMembership(tx, { tenantId, scopeKind, scopeId, userId, role });
    await add("tenant", tenantId, roles.tenant);
    await add("contract", place.contractId, roles.contract);
    await add("workspace", place.workspaceId, roles.workspace);
  });
}

/** Owner of everything in the place. */
export const OWNER: Roles = { tenant: "owner", contract: "owner", workspace: "owner" };

export async function makeTask(place: Place, permissions: readonly string[] = TASK_PERMISSIONS): Promise<Task> {
  const id = newId();
  const key = newApiKey("task", id);
  await inTenant(place.tenantId, (tx) =>
    insertKey(tx, {
      tenantId: place.tenantId,
      id,
      kind: "task",
      workspaceId: place.workspaceId,
      name: `Task ${++count}`,
      hint: `latchkey_task_${id}`,
      keyMac: mac("api-key", key),
      permissions: [...permissions],
      createdBy: "test",
    }),
  );
  return { id, username: `task-${id}`, key, basic: basic(`task-${id}`, key) };
}

/** A browser session of this person: the headers a console page sends. `signedInAt` in the past makes the sign-in old. */
export async function makeSession(userId: string, signedInAt: Date = new Date()): Promise<Record<string, string>> {
  const sid = randomBytes(32).toString("base64url");
  const now = new Date();
  await inTenant(INSTANCE_TENANT, (tx) =>
    insertSession(tx, {
      id: newId(),
      tokenMac: mac("session", sid),
      userId,
      createdAt: signedInAt,
      seenAt: now,
      authenticatedAt: signedInAt,
      expiresAt: new Date(signedInAt.getTime() + ABSOLUTE_MS),
      userAgent: "test",
      ip: null,
    }),
  );
  const cookie = await encode({ token: { sid }, secret: sessionSecret(), maxAge: ABSOLUTE_MS / 1000 });
  return { cookie: `${sessionCookieName()}=${cookie}`, origin: settings().url };
}
