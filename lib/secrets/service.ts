import { randomUUID } from "node:crypto";
import { type Caller, holds } from "@/lib/access/caller";
import { permit, type Target } from "@/lib/access/permit";
import type { WorkspaceScope } from "@/lib/access/scope";
import { workspaceRedirectCode } from "@/lib/accounts/people";
import { resolveWorkspace } from "@/lib/accounts/places";
import { recordNow, recordWith } from "@/lib/audit/record";
import { grantTypeOf, openOAuthClient } from "@/lib/auth-clients/service";
import { sealJson } from "@/lib/crypto/envelope";
import { inTenant } from "@/lib/db/tx";
import { AppError, notFound } from "@/lib/errors";
import type { Resource } from "@/lib/http/json-api";
import { isId, newId } from "@/lib/ids";
import { releaseSecretName, reserveSecretName } from "@/lib/oauth/redirect-names";
import { isSecretType, SECRET_TYPES } from "@/lib/secret-types";
import { nameKey } from "@/lib/secret-types/names";
import { needsBrowser, type OAuth2CredentialsInput } from "@/lib/secret-types/oauth2";
import { type SecretType, showsValues, visibleValues } from "@/lib/secret-types/secret-type";
import { readSecretAudited } from "./audited-read-store";
import { extrasOf, givenLifetime } from "./credentials-input";
import { flagIfDamaged } from "./damage";
import { insertEvent } from "./event-store";
import { completeKeyPair, publicKeysOf } from "./key-pair";
import { lastUsed } from "./list-store";
import { readNew, visibleClient } from "./new-secret";
import { credentialsPlace, openCredentials, openExtras, openTokens } from "./opened";
import { publishedKeysOf, publishKeys } from "./published-key-store";
import type { CreateBody, OpenCredentials, SecretView } from "./resource";
import { toResource } from "./resource";
import { type Revocable, revokeTokens } from "./revoke-tokens";
import type { SecretRow } from "./rows";
import { mergeTokens, saveNewGrant } from "./save-tokens";
import * as store from "./store";
import { insertPending, insertUnauthorized, lockTokens } from "./token-store";

/** Use cases of secrets: add, read, delete. The list is in list-secrets.ts, editing in update-secret.ts, tokens in tokens.ts. */

export interface SeenSecret {
  resource: Resource;
}

const CREATE = "workspaces.auth_secret.create";
const GET = "workspaces.auth_secret.get";
const GET_CREDENTIALS = "workspaces.auth_secret.get_credentials";
const EDIT = "workspaces.auth_secret.edit";
const DELETE = "workspaces.auth_secret.delete";

/** Values leave for keys with `get_credentials`; a browser session never gets one, it reveals (SECURITY, VAL-1). */
export function mayReadValues(caller: Caller, scope: WorkspaceScope): boolean {
  return caller.via === "api-key" && holds(caller, GET_CREDENTIALS, scope);
}

/** The secret of this workspace, or 404 with an entry of what was tried. */
export async function findSecret(
  caller: Caller,
  scope: WorkspaceScope,
  id: string,
  action: string,
): Promise<SecretRow> {
  const row = isId(id) ? await store.readSecret(scope, id) : null;
  return row ?? denySecret(caller, scope, id, action);
}

/** A secret that is not in this workspace, wherever else it may be. */
async function denySecret(caller: Caller, scope: WorkspaceScope, id: string, action: string): Promise<never> {
  await recordDenied(caller, scope, action, { type: "auth-secret", id });
  throw notFound("secret");
}

/** Whatever was refused inside a workspace without a permission being missing (AZ-3). */
export async function recordDenied(
  caller: Caller,
  scope: WorkspaceScope,
  action: string,
  target: Target,
  detail?: Record<string, unknown>,
): Promise<void> {
  const { tenantId, workspaceId } = scope;
  await recordNow(caller, { tenantId, workspaceId, action, outcome: "denied", target, detail });
}

export async function createSecret(caller: Caller, workspaceId: string, body: CreateBody): Promise<Resource> {
  const { attributes } = body.data;
  const scope = await resolveWorkspace(caller, workspaceId, CREATE);
  await permit(caller, CREATE, scope, { type: "auth-secret", name: attributes.name });
  const { type, given, client } = await readNew(caller, scope, body.data);
  const clientId = client?.id;
  const pair = type === "rs256" ? await completeKeyPair(given, null) : null;
  const values = pair ?? given;
  const id = newId();
  const oauth2 = type === "oauth2" ? (values as OAuth2CredentialsInput) : null;
  const grantType = oauth2 && client ? grantTypeOf(client) : null;
  const sealed = await sealJson(credentialsPlace(scope.tenantId, id, 1), oauth2 ? extrasOf(oauth2) : values);
  const opened = oauth2?.access_token && client ? await openOAuthClient(client.tenantId, client.id) : null;

  await inTenant(scope.tenantId, async (tx) => {
    // Again, now held until the commit, so that no secret is born while its client dies.
    if (client && clientId) await visibleClient(tx, scope, clientId);
    const secretName = await reserveSecretName(tx, {
      tenantId: scope.tenantId,
      ownerId: scope.workspaceId,
      code: await workspaceRedirectCode(tx, scope),
      name: attributes.name,
      contextKind: "secret",
      contextId: id,
    });
    await store.insertSecret(tx, {
      tenantId: scope.tenantId,
      id,
      workspaceId: scope.workspaceId,
      type,
      name: attributes.name,
      nameKey: nameKey(attributes.name),
      secretName,
      authClientTenantId: client?.tenantId ?? null,
      authClientId: client?.id ?? null,
      userId: caller.userId,
      scope: oauth2?.scope ?? null,
      sealed,
      declaredState: oauth2 ? null : (attributes.state ?? null),
      declaredError: oauth2 ? null : (attributes.error ?? null),
      reveal: attributes.reveal,
      allowedHosts: attributes.allowed_hosts,
    });
    if (pair) await publishKeys(tx, keyPlace(scope, id), publicKeysOf(pair));
    if (grantType && client) {
      const tokens = {
        tenantId: scope.tenantId,
        secretId: id,
        workspaceId: scope.workspaceId,
        authClientTenantId: client.tenantId,
        authClientId: client.id,
      };
      if (needsBrowser(grantType)) await insertUnauthorized(tx, tokens);
      else await insertPending(tx, { ...tokens, grantId: randomUUID() });
    }
    await insertEvent(tx, scope.tenantId, id, { event: "created", actor: caller.name });
    await recordWith(tx, caller, {
      tenantId: scope.tenantId,
      workspaceId: scope.workspaceId,
      action: "secret.created",
      target: { type: "auth-secret", id, name: attributes.name },
      detail: {
        type,
        ...(client ? { authClientId: client.id } : {}),
        ...(attributes.reveal ? { reveal: attributes.reveal } : {}),
        ...(attributes.allowed_hosts ? { allowed_hosts: attributes.allowed_hosts } : {}),
      },
    });
    if (oauth2 && opened) {
      await saveNewGrant(tx, {
        scope,
        secretId: id,
        client: opened,
        tokens: mergeTokens(null, oauth2),
        lifetimeS: givenLifetime(oauth2),
        ageMs: 0,
        issuedAtMs: null,
        grantId: randomUUID(),
      });
    }
    await store.notifyChange(tx, scope.workspaceId, id);
  });
  return (await viewOne(caller, scope, await findSecret(caller, scope, id, GET), "written")).resource;
}

export async function getSecret(caller: Caller, workspaceId: string, id: string): Promise<Resource> {
  const scope = await resolveWorkspace(caller, workspaceId, GET);
  await permit(caller, GET, scope, { type: "auth-secret", id });
  if (!isId(id)) throw notFound("secret");
  const values = mayReadValues(caller, scope);
  const row = values
    ? await readSecretAudited(caller, scope, id, "secret.read")
    : await findSecret(caller, scope, id, GET);
  if (!row) throw notFound("secret");
  return (await viewOne(caller, scope, row, values ? "recorded" : "no-values")).resource;
}

/**
 * One secret as this caller may see it. `recorded`: the audit entry is committed already. `written`: the caller wrote the
 * values just now, and they are answered as the contract shows, recorded first.
 */
export async function viewOne(
  caller: Caller,
  scope: WorkspaceScope,
  row: SecretRow,
  audit: "recorded" | "written" | "refreshed" | "no-values",
): Promise<SeenSecret> {
  const view: SecretView = await clientFacts(row);
  if (audit !== "no-values" && mayReadValues(caller, scope)) {
    if (audit !== "recorded")
      await recordNow(caller, {
        tenantId: scope.tenantId,
        workspaceId: scope.workspaceId,
        // Answering what the caller has just written is no use of the secret: "last used" does not count it.
        action: audit === "written" ? "secret.answered" : "secret.read",
        target: { type: "auth-secret", id: row.id, name: row.name },
        generation: row.tokenGeneration ?? row.generation,
      });
    view.credentials = await openCredentials(row);
  }
  const whole = view.credentials !== undefined || (await flagIfDamaged(row));
  if (whole) view.visible = await openVisible(row, view.credentials);
  if (row.type === "rs256")
    view.publicKeys = await inTenant(scope.tenantId, (tx) => publishedKeysOf(tx, scope.tenantId, row.id));
  if (caller.via === "session") {
    if (whole && row.type === "oauth2" && holds(caller, EDIT, scope))
      view.additionalParams = (await openExtras(row)).use((extras) => extras.additional_params);
    const used = await inTenant(scope.tenantId, (tx) => lastUsed(tx, scope.tenantId, [row.id]));
    view.lastUsedAt = used.get(row.id) ?? null;
  }
  return { resource: toResource(row, view) };
}

/** Whose the published keys of a secret are. */
export const keyPlace = ({ tenantId, workspaceId }: WorkspaceScope, secretId: string) => ({
  tenantId,
  workspaceId,
  secretId,
});

/** What may be shown to anybody of a static secret's values; undefined where its type shows none. */
async function openVisible(row: SecretRow, open?: OpenCredentials): Promise<SecretView["visible"]> {
  const type: SecretType | null = isSecretType(row.type) ? SECRET_TYPES[row.type] : null;
  if (!type || !showsValues(type)) return undefined;
  const opened = open ?? (await openCredentials(row));
  return opened.kind === "static" ? opened.values.use((values) => visibleValues(type, values)) : undefined;
}

/** What its auth client decides about how a secret looks. */
async function clientFacts(row: SecretRow): Promise<Pick<SecretView, "sharedSecretName" | "grantType">> {
  if (!row.authClientTenantId || !row.authClientId) return {};
  const client = await openOAuthClient(row.authClientTenantId, row.authClientId);
  return client ? { sharedSecretName: client.secretName, grantType: client.options.grant_type } : {};
}

/** Gone at once; its tokens are revoked at the provider where that is possible (VAL-6). */
export async function deleteSecret(caller: Caller, workspaceId: string, id: string): Promise<void> {
  const scope = await resolveWorkspace(caller, workspaceId, DELETE);
  await permit(caller, DELETE, scope, { type: "auth-secret", id });
  const row = await findSecret(caller, scope, id, DELETE);
  let tokens: Revocable | null = null;
  await inTenant(scope.tenantId, async (tx) => {
    if (!(await store.lockSecret(tx, scope.tenantId, id))) throw notFound("secret");
    tokens = await revocable(row, await lockTokens(tx, scope.tenantId, id));
    await store.deleteSecretRows(tx, scope.tenantId, id);
    await releaseSecretName(tx, id);
    await recordWith(tx, caller, {
      tenantId: scope.tenantId,
      workspaceId: scope.workspaceId,
      action: "secret.deleted",
      target: { type: "auth-secret", id, name: row.name },
    });
    await store.notifyChange(tx, scope.workspaceId, id);
  });
  if (tokens) await revokeTokens(tokens);
}

/**
 * What could be revoked; null when there is nothing, or it cannot be opened any more (a damaged secret can still be deleted).
 *
 * @param locked the tokens as they are now, whatever landed since `row` was read
 */
export async function revocable(
  row: SecretRow,
  locked: { generation: number; sealed: Buffer | null } | null,
): Promise<Revocable | null> {
  if (!locked?.sealed || !row.authClientTenantId || !row.authClientId) return null;
  try {
    const tokens = await openTokens({ ...row, tokenGeneration: locked.generation, tokenSealed: locked.sealed });
    return (
      tokens && {
        authClientTenantId: row.authClientTenantId,
        authClientId: row.authClientId,
        tenantId: row.tenantId,
        secretId: row.id,
        tokens,
      }
    );
  } catch (error) {
    if (error instanceof AppError && error.code === "integrity_failure") return null;
    throw error;
  }
}
