import { randomUUID } from "node:crypto";
import type { Caller } from "@/lib/access/caller";
import { permit, requireRecentSignIn } from "@/lib/access/permit";
import type { WorkspaceScope } from "@/lib/access/scope";
import { resolveWorkspace } from "@/lib/accounts/places";
import { recordWith } from "@/lib/audit/record";
import type { OAuthClient } from "@/lib/auth-clients/client";
import { openOAuthClient } from "@/lib/auth-clients/service";
import { systemClock } from "@/lib/clock";
import { sealJson } from "@/lib/crypto/envelope";
import type { Sensitive } from "@/lib/crypto/sensitive";
import { inTenant, type Tx } from "@/lib/db/tx";
import { AppError, notFound } from "@/lib/errors";
import type { Resource } from "@/lib/http/json-api";
import type { StoredTokens } from "@/lib/oauth/token-set";
import { isSecretType, SECRET_TYPES } from "@/lib/secret-types";
import { nameKey } from "@/lib/secret-types/names";
import { needsBrowser, type OAuth2CredentialsInput } from "@/lib/secret-types/oauth2";
import type { SecretType } from "@/lib/secret-types/secret-type";
import { isWithin } from "./allowed-hosts";
import { extrasOf, givenLifetime, readCredentials, refuseUnfit } from "./credentials-input";
import { insertEvent } from "./event-store";
import { completeKeyPair, publicKeysOf, type StoredKeyPair } from "./key-pair";
import { credentialsPlace, openExtras, openStatic, openTokens } from "./opened";
import { publishKeys } from "./published-key-store";
import type { OAuth2Extras, UpdateBody } from "./resource";
import type { SecretRow } from "./rows";
import { mergeTokens, saveNewGrant } from "./save-tokens";
import { findSecret, keyPlace, viewOne } from "./service";
import * as store from "./store";
import { lockTokens, resume, startAnew } from "./token-store";

const EDIT = "workspaces.auth_secret.edit";
const GET_CREDENTIALS = "workspaces.auth_secret.get_credentials";
const GET = "workspaces.auth_secret.get";

/**
 * Changes what is named, and nothing else. Showing values to people again (`reveal` from never to step_up), and a further allowed host,
 * is for a recent sign-in.
 *
 * @throws AppError not_found, forbidden, invalid_attribute, conflict, reauth_required
 */
export async function updateSecret(
  caller: Caller,
  workspaceId: string,
  id: string,
  body: UpdateBody,
): Promise<Resource> {
  const scope = await resolveWorkspace(caller, workspaceId, EDIT);
  await permit(caller, EDIT, scope, { type: "auth-secret", id });
  const row = await findSecret(caller, scope, id, EDIT);
  const { data } = body;
  if (data.id !== undefined && data.id !== id)
    throw new AppError("invalid_attribute", "Must be the id in the URL.", { source: { pointer: "/data/id" } });
  const { attributes = {} } = data;
  refuseImmutable(row, data);
  const { credentials } = attributes;
  const given = credentials === undefined ? null : await readPatch(row, credentials);
  // What was sent, whatever of the stored values goes along with it.
  const members = given ? Object.keys(credentials as object) : [];
  const client =
    given && row.authClientTenantId && row.authClientId
      ? await openOAuthClient(row.authClientTenantId, row.authClientId)
      : null;

  if (given && client) refuseUnfit(client.options, given as OAuth2CredentialsInput, false);

  await inTenant(scope.tenantId, async (tx) => {
    const locked = await store.lockSecret(tx, scope.tenantId, id);
    if (!locked) throw notFound("secret");
    const change: Parameters<typeof store.updateSecret>[3] = {};
    if (attributes.name !== undefined) {
      change.name = attributes.name;
      change.nameKey = nameKey(attributes.name);
    }
    if (attributes.reveal !== undefined) {
      // Looked at under the lock: what is "never" by now is not let go by an old sign-in.
      if (locked.reveal === "never" && attributes.reveal !== "never") requireRecentSignIn(caller, systemClock.now());
      change.reveal = attributes.reveal;
    }
    const hosts = attributes.allowed_hosts;
    if (hosts) {
      // A host more is a place more to which the value may be sent: for who may have the value, and after a recent sign-in.
      if (!hosts.every((host) => isWithin(host, locked.allowedHosts))) {
        await permit(caller, GET_CREDENTIALS, scope, { type: "auth-secret", id });
        requireRecentSignIn(caller, systemClock.now());
      }
      change.allowedHosts = hosts;
    }
    if (row.type !== "oauth2") {
      if (attributes.state !== undefined) change.declaredState = attributes.state;
      if (attributes.error !== undefined || attributes.state === "ready")
        change.declaredError = attributes.error ?? null;
    }
    if (given) {
      const oauth2 = row.type === "oauth2" ? (given as OAuth2CredentialsInput) : null;
      if (oauth2?.scope !== undefined) change.scope = oauth2.scope ?? null;
      let asksOtherwise = change.scope !== undefined && change.scope !== locked.scope;
      if (!oauth2 || SEALED.some((name) => oauth2[name] !== undefined)) {
        change.generation = locked.generation + 1;
        const before = oauth2 && (await openExtras({ ...row, ...locked }));
        const next =
          oauth2 && before
            ? before.use((clear) => extrasOf(oauth2, clear))
            : locked.generation === row.generation
              ? given
              : await readPatch({ ...row, ...locked }, credentials);
        if (oauth2 && before)
          asksOtherwise ||= before.use((clear) => asksWith(clear) !== asksWith(next as OAuth2Extras));
        if (row.type === "rs256")
          await publishKeys(tx, keyPlace(scope, id), publicKeysOf(next as unknown as StoredKeyPair));
        change.sealed = await sealJson(credentialsPlace(scope.tenantId, id, change.generation), next);
      }
      // The token held, and an answer on its way, are of the request as it was.
      if (client && asksOtherwise && !needsBrowser(client.options.grant_type)) {
        await lockTokens(tx, scope.tenantId, id);
        await startAnew(tx, scope.tenantId, id, randomUUID());
      }
      if (oauth2 && client) await patchTokens(tx, scope, row, client, oauth2);
    }
    await store.updateSecret(tx, scope.tenantId, id, change);
    await insertEvent(tx, scope.tenantId, id, {
      event: "edited",
      actor: caller.name,
      detail:
        [
          attributes.name !== undefined ? "name" : null,
          attributes.reveal !== undefined ? "reveal" : null,
          hosts ? "allowed hosts" : null,
          members.length > 0 ? members.sort().join(", ") : null,
        ]
          .filter(Boolean)
          .join(", ") || null,
    });
    await recordWith(tx, caller, {
      tenantId: scope.tenantId,
      workspaceId: scope.workspaceId,
      action: "secret.edited",
      target: { type: "auth-secret", id, name: attributes.name ?? row.name },
      detail: {
        members: [...Object.keys(attributes).filter((key) => key !== "credentials"), ...members],
        ...(attributes.reveal === undefined ? {} : { reveal_before: locked.reveal, reveal_after: attributes.reveal }),
      },
    });
    if (hosts && !sameHosts(hosts, locked.allowedHosts))
      await recordWith(tx, caller, {
        tenantId: scope.tenantId,
        workspaceId: scope.workspaceId,
        action: "secret.destinations_changed",
        target: { type: "auth-secret", id, name: attributes.name ?? row.name },
        detail: { before: locked.allowedHosts, after: hosts },
      });
    await store.notifyChange(tx, scope.workspaceId, id);
  });
  return (await viewOne(caller, scope, await findSecret(caller, scope, id, GET), "written")).resource;
}

const sameHosts = (a: readonly string[], b: readonly string[]) =>
  a.length === b.length && a.every((host) => b.includes(host));

/** Members that are sealed with the secret rather than with its tokens. */
const SEALED = ["additional_params", "fields", "username", "password"] as const;

/** The part of a secret's extras that is in its token requests, to be compared. */
function asksWith(extras: OAuth2Extras): string {
  return JSON.stringify([extras.additional_params, extras.login]);
}

/** The auth client and the type are for ever (CONTRACT section 3 "Update"). The same value again is no change. */
export function refuseImmutable(row: SecretRow, data: UpdateBody["data"]): void {
  const client = data.relationships?.auth_client?.data.id;
  if (client !== undefined && client !== row.authClientId)
    throw new AppError("invalid_attribute", "The auth client of a secret cannot be changed; add another secret.", {
      source: { pointer: "/data/relationships/auth_client" },
    });
  if (data.attributes?.type !== undefined && data.attributes.type !== row.type)
    throw new AppError("invalid_attribute", "The type of a secret cannot be changed; add another secret.", {
      source: { pointer: "/data/attributes/type" },
    });
}

/**
 * `credentials` of a PATCH, checked; of a type that keeps members, together with those that were left out.
 *
 * @param row as it is stored now
 */
export async function readPatch(
  row: Pick<SecretRow, "tenantId" | "id" | "type" | "generation" | "sealed">,
  given: unknown,
): Promise<Record<string, unknown>> {
  if (!isSecretType(row.type)) throw new AppError("integrity_failure", "The stored type of this secret is not known.");
  const { kept = [] }: SecretType = SECRET_TYPES[row.type];
  if (kept.length === 0 || typeof given !== "object" || given === null) return readCredentials(row.type, given);
  const stored = await openStatic(row);
  const before = stored.use((values) => Object.fromEntries(kept.flatMap((name) => entry(values, name))));
  const checked = readCredentials(row.type, { ...before, ...given });
  if (row.type !== "rs256") return checked;
  return { ...(await stored.use((values) => completeKeyPair(checked, values as unknown as StoredKeyPair))) };
}

const entry = (values: Record<string, unknown>, name: string) =>
  Object.hasOwn(values, name) ? [[name, values[name]] as const] : [];

/** Token members of a PATCH: merged into what is stored (CONTRACT section 9, point 5). A new refresh token is a new grant. */
async function patchTokens(
  tx: Tx,
  scope: WorkspaceScope,
  row: SecretRow,
  client: OAuthClient,
  given: OAuth2CredentialsInput,
): Promise<void> {
  const members = ["access_token", "refresh_token", "expires_in", "token_type", "undefined_params"] as const;
  if (!members.some((member) => given[member] !== undefined)) {
    if (given.scope !== undefined) await resume(tx, scope.tenantId, row.id);
    return;
  }
  // Read again under the lock: a refresh may have landed since, and merging into what it replaced would lose its token.
  const locked = await lockTokens(tx, scope.tenantId, row.id);
  if (!locked) throw notFound("secret");
  const before = await openTokens({ ...row, tokenGeneration: locked.generation, tokenSealed: locked.sealed });
  const tokens = mergeTokens(before, given);
  if (tokens.access_token.use((clear) => clear === ""))
    throw new AppError("invalid_attribute", "There is no access token yet; send one, or authorize the secret.", {
      source: { pointer: "/data/attributes/credentials/access_token" },
    });
  const newGrant = before === null || !sameValue(tokens.refresh_token, before.refresh_token);
  const lifetimeS = givenLifetime(given);
  // The same access token is as old as it was, whoever sends it back (VAL-3).
  const sameToken =
    tokens.access_token.equals(before?.access_token) && (lifetimeS === undefined || lifetimeS === locked.lifetimeS);
  if (sameToken && before && sameButLifetime(tokens, before)) return;
  await saveNewGrant(tx, {
    scope,
    secretId: row.id,
    client,
    tokens,
    lifetimeS: sameToken ? (locked.lifetimeS ?? undefined) : lifetimeS,
    ageMs: sameToken ? (locked.ageMs ?? 0) : 0,
    // Nobody issued anything just now: an answer on its way for the same grant is newer than this and wins.
    issuedAtMs: newGrant ? null : locked.issuedMs,
    grantId: newGrant ? randomUUID() : (locked.grantId ?? randomUUID()),
  });
}

function sameButLifetime(a: StoredTokens, b: StoredTokens): boolean {
  return (
    a.access_token.equals(b.access_token) &&
    sameValue(a.refresh_token, b.refresh_token) &&
    a.token_type === b.token_type &&
    a.scope === b.scope &&
    a.undefined_params.equals(b.undefined_params)
  );
}

const sameValue = (a: Sensitive<string> | null, b: Sensitive<string> | null) => (a === null ? b === null : a.equals(b));
