import type { Caller } from "@/lib/access/caller";
import { permitOnAuthClients } from "@/lib/access/permit";
import { type Scope, scopeId, type WorkspaceScope } from "@/lib/access/scope";
import { countFor } from "@/lib/accounts/person-limits";
import { recordWith } from "@/lib/audit/record";
import { about, hostsOf, legacyMark } from "@/lib/auth-clients/audited";
import { type Change, changeOf, type SecretPart, sealedPart } from "@/lib/auth-clients/change";
import { completeOAuth2 } from "@/lib/auth-clients/complete-oauth2";
import { holdsSomewhere, lookUp, refuse, requireFor, resolvePlace, viewpoint } from "@/lib/auth-clients/look-up";
import { credentialsPlace, forgetOpened } from "@/lib/auth-clients/opened";
import {
  type ClientInput,
  componentIdsOf,
  refuseImmutable,
  type ScopeWord,
  type UpdateBody,
} from "@/lib/auth-clients/resource";
import { factsFor, recordShown, type SeenClient, see } from "@/lib/auth-clients/seen";
import { clearProblem } from "@/lib/auth-clients/state-store";
import type { ClientFacts, ClientFilter, ClientRow } from "@/lib/auth-clients/store";
import * as store from "@/lib/auth-clients/store";
import { inUseText, maySee } from "@/lib/auth-clients/usage";
import { countGlobalUses, countUses, lockUse, secretsUsing } from "@/lib/auth-clients/usage-store";
import { sealJson } from "@/lib/crypto/envelope";
import { Sensitive } from "@/lib/crypto/sensitive";
import { inTenant, type Tx } from "@/lib/db/tx";
import { AppError } from "@/lib/errors";
import { newId } from "@/lib/ids";
import { requireVisibleComponents } from "@/lib/integration-components/service";
import { discover, type ProviderMetadata } from "@/lib/oauth/discovery";
import { releaseSecretName, reserveSecretName } from "@/lib/oauth/redirect-names";
import type { GrantType } from "@/lib/secret-types/grant-types";
import type { OAuth2Options } from "@/lib/secret-types/oauth2";

export { noteClientOk, noteClientProblem, openOAuthClient } from "@/lib/auth-clients/opened";
export { toSummary } from "@/lib/auth-clients/resource";
export type { ClientRow } from "@/lib/auth-clients/store";

/** Use cases of auth clients. Every one decides first, and records what it did in the transaction that did it. */

/**
 * The clients visible from a place, those above it included; without a place the caller's own workspace when it is bound to
 * one, else global clients only (CONTRACT section 2 "Scope parameter").
 *
 * @throws AppError not_found, forbidden
 */
export async function listAuthClients(
  caller: Caller,
  place: ScopeWord | null,
  filter: ClientFilter,
): Promise<SeenClient[]> {
  const from = await viewpoint(caller, place);
  const { rows, facts, uses } = await inTenant(from.tenantId, async (tx) => {
    const rows = await store.listClients(tx, from, filter);
    const facts = await store.factsOf(tx, rows);
    const uses =
      from.kind === "global"
        ? null
        : await countUses(
            tx,
            from,
            rows.map((row) => row.id),
          );
    return { rows, facts, uses };
  });
  const seen = await Promise.all(
    rows.map((row) =>
      see(caller, row, { ...factsFor(facts, row), ...(uses ? { usedBy: uses.get(row.id) ?? 0 } : {}) }),
    ),
  );
  await recordShown(caller, seen);
  return seen;
}

/**
 * One client, looked at from a place. Without one: global clients, and for a caller bound to a workspace what is visible
 * from there; of anything else a person is told which parameter to add.
 *
 * @throws AppError not_found, forbidden
 */
export async function readAuthClient(caller: Caller, id: string, place: ScopeWord | null): Promise<SeenClient> {
  const { row, from } = await lookUp(caller, id, place);
  const { facts, uses } = await inTenant(from.tenantId, async (tx) => ({
    facts: await store.factsOf(tx, [row]),
    uses: from.kind === "global" ? null : await countUses(tx, from, [id]),
  }));
  const seen = await see(caller, row, { ...factsFor(facts, row), ...(uses ? { usedBy: uses.get(id) ?? 0 } : {}) });
  await recordShown(caller, [seen]);
  return seen;
}

/**
 * Creates a client at the place named.
 *
 * @throws AppError not_found, forbidden, invalid_attribute
 */
export async function createAuthClient(caller: Caller, input: ClientInput): Promise<SeenClient> {
  const scope = await resolvePlace(caller, input.place, "auth_clients.create");
  await permitOnAuthClients(caller, "create", scope, { type: "auth-client", name: input.name });
  await requireVisibleComponents(caller, scope, input.componentIds);
  const { options, secret } = await parts(input, caller.userId ?? caller.id);
  const id = newId();
  const sealed = await sealJson(credentialsPlace(scope.tenantId, id, 1), secret);
  const row = await inTenant(scope.tenantId, async (tx) => {
    const secretName = options.redirect_uri_per === "client" ? await reserveName(tx, scope, id, input.name) : null;
    const made = await store.insertClient(tx, {
      id,
      scope,
      type: input.type,
      name: input.name,
      options: { ...options },
      sealed,
      secretName,
      createdBy: caller.id,
    });
    await link(tx, made, input.componentIds);
    await recordWith(tx, caller, {
      ...about(made),
      action: "auth_clients.create",
      detail: { type: made.type, visibility: scope.kind, addresses: hostsOf(made), ...legacyMark(made) },
    });
    return made;
  });
  return see(caller, row, { componentIds: input.componentIds, problem: null, usedBy: 0 });
}

/**
 * Changes a client. Where it sends secrets never changes (AZ-9); oauth2 credentials are merged, others replaced.
 *
 * @throws AppError not_found, forbidden, invalid_attribute, conflict
 */
export async function updateAuthClient(caller: Caller, id: string, body: UpdateBody): Promise<SeenClient> {
  let row = await requireFor(caller, "edit", id);
  const { attributes, relationships } = body.data;
  const componentIds = componentIdsOf(relationships);
  for (let attempt = 0; attempt < 5; attempt++) {
    refuseImmutable(row, body);
    if (componentIds) await requireVisibleComponents(caller, row.scope, componentIds);
    const change = await changeOf(row, attributes?.name, attributes?.credentials);
    const written = await write(caller, row, change, componentIds);
    if (written) {
      forgetOpened(row.tenantId, id);
      const scope = written.row.scope;
      const uses = scope.kind === "global" ? null : await inTenant(row.tenantId, (tx) => countUses(tx, scope, [id]));
      return see(caller, written.row, { ...written.facts, ...(uses ? { usedBy: uses.get(id) ?? 0 } : {}) });
    }
    row = await requireFor(caller, "edit", id);
  }
  throw new AppError(
    "conflict",
    "Somebody else keeps changing this client. Look at it again, then repeat your change.",
  );
}

/**
 * Deletes a client that no secret uses.
 *
 * @throws AppError not_found, forbidden, in_use naming what uses it
 */
export async function deleteAuthClient(caller: Caller, id: string): Promise<void> {
  const row = await requireFor(caller, "delete", id);
  await inTenant(row.tenantId, async (tx) => {
    await lockUse(tx, id, "alone");
    const users = row.scope.kind === "global" ? [] : await secretsUsing(tx, row.tenantId, row);
    const total = row.scope.kind === "global" ? await countGlobalUses(tx, id) : users.length;
    if (total > 0)
      throw new AppError(
        "in_use",
        inUseText(
          users.filter((user) => maySee(caller, row.tenantId, user)),
          total,
        ),
      );
    if (!(await store.deleteClient(tx, row.tenantId, id)))
      throw new AppError("conflict", "Somebody else has just deleted it.");
    await releaseSecretName(tx, id);
    await recordWith(tx, caller, { ...about(row), action: "auth_clients.delete" });
  });
  forgetOpened(row.tenantId, id);
}

/**
 * A client that a secret of this workspace may use: the workspace's own, its contract's, its tenant's or a global one; null
 * otherwise. Until the transaction ends it cannot be deleted, so call it in the transaction that stores the secret.
 */
export async function clientVisibleFrom(tx: Tx, scope: WorkspaceScope, id: string): Promise<ClientRow | null> {
  await lockUse(tx, id, "shared");
  return store.findVisibleClient(tx, scope, id);
}

/** How the tokens of an oauth2 client come about. */
export function grantTypeOf(client: ClientRow): GrantType {
  return (client.options as unknown as OAuth2Options).grant_type;
}

/** Rows of clients for `included`; `toSummary` makes resources of them. Ids the transaction's tenant cannot see are left out. */
export async function clientSummaries(tx: Tx, ids: readonly string[]): Promise<ClientRow[]> {
  return store.findClients(tx, [...new Set(ids)]);
}

/** Forgets what the refresher holds against a client, so that its secrets are tried again at once. */
export async function clearClientProblem(tx: Tx, client: { tenantId: string; id: string }): Promise<void> {
  await clearProblem(tx, client.tenantId, client.id, false);
}

/**
 * What an issuer publishes about itself, for the form of a new client. For callers who may create a client somewhere.
 *
 * @throws AppError forbidden, throttled, invalid_attribute with pointer `/issuer`
 */
export async function lookUpIssuer(caller: Caller, issuer: string): Promise<ProviderMetadata> {
  if (!holdsSomewhere(caller, "create")) await refuse(caller, "create");
  const waitMs = await countFor(caller, "discovery");
  if (waitMs > 0) {
    const retryAfterS = Math.ceil(waitMs / 1000);
    const seconds = `${retryAfterS} second${retryAfterS === 1 ? "" : "s"}`;
    throw new AppError("throttled", `You have looked up many issuers in a short time. Try again in ${seconds}.`, {
      retryAfterS,
    });
  }
  return discover(issuer, { holder: caller.userId ?? caller.id });
}

async function parts(
  input: ClientInput,
  holder: string,
): Promise<{ options: Partial<OAuth2Options>; secret: SecretPart }> {
  if (input.type !== "oauth2") return { options: {}, secret: new Sensitive(input.credentials) };
  const { options, clientSecret } = await completeOAuth2(input.credentials, holder);
  return { options, secret: sealedPart(clientSecret) };
}

/** Locks the components while they are linked: whoever deletes one now waits, and then sees that it is in use. */
async function link(tx: Tx, row: ClientRow, componentIds: readonly string[]): Promise<void> {
  if (row.scope.kind !== "global" && !(await store.lockComponents(tx, row.tenantId, componentIds)))
    throw new AppError("conflict", "One of the components was deleted just now. Look at them again.");
  await store.linkComponents(tx, row, componentIds);
}

async function reserveName(tx: Tx, scope: Scope, id: string, name: string): Promise<string> {
  return reserveSecretName(tx, {
    tenantId: scope.tenantId,
    ownerId: scopeId(scope),
    code: await store.redirectCodeOf(tx, scope),
    name,
    contextKind: "auth-client",
    contextId: id,
  });
}

/** Null: somebody else changed the client since it was read. */
async function write(
  caller: Caller,
  row: ClientRow,
  change: Change,
  componentIds: string[] | undefined,
): Promise<{ row: ClientRow; facts: ClientFacts } | null> {
  const generation = row.generation + 1;
  const sealed = change.secret && (await sealJson(credentialsPlace(row.tenantId, row.id, generation), change.secret));
  return inTenant(row.tenantId, async (tx) => {
    const before = factsFor(await store.factsOf(tx, [row]), row);
    const changed = [...change.changed];
    if (componentIds && [...componentIds].sort().join() !== [...before.componentIds].sort().join())
      changed.push("components");
    if (changed.length === 0) return { row, facts: before };
    const written = await store.updateClient(tx, row, {
      name: change.name,
      options: change.options,
      ...(sealed ? { sealed, generation } : {}),
    });
    if (!written) return null;
    if (componentIds) await link(tx, written, componentIds);
    await clearProblem(tx, row.tenantId, row.id, change.forgetMethod);
    await recordWith(tx, caller, { ...about(written), action: "auth_clients.edit", detail: { changed } });
    return { row: written, facts: { componentIds: componentIds ?? before.componentIds, problem: null } };
  });
}
