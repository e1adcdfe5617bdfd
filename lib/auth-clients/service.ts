import { boundWorkspace, type Caller, holds, holdsOnAuthClients, reaches, tenantsOf } from "@/lib/access/caller";
import type { AuthClientAction } from "@/lib/access/permissions";
import { denyUnknown, permitOnAuthClients } from "@/lib/access/permit";
import { GLOBAL, INSTANCE_TENANT, type Scope, type ScopeKind, scopeId, type WorkspaceScope } from "@/lib/access/scope";
import { countFor } from "@/lib/accounts/person-limits";
import { resolveContract, resolveTenant, resolveWorkspace } from "@/lib/accounts/places";
import { recordNow, recordWith } from "@/lib/audit/record";
import { AT_CREDENTIALS, completeOAuth2, EDITABLE_DEFAULTS, refuseUnused } from "@/lib/auth-clients/complete-oauth2";
import { credentialsPlace, forgetOpened, type SealedOAuth2 } from "@/lib/auth-clients/opened";
import {
  type ClientInput,
  type ClientView,
  componentIdsOf,
  hostOf,
  type OAuth2Change,
  readOAuth2Change,
  refuseImmutable,
  type ScopeWord,
  type UpdateBody,
  wireOptions,
} from "@/lib/auth-clients/resource";
import type { ClientFacts, ClientFilter, ClientRow, ClientUser } from "@/lib/auth-clients/store";
import * as store from "@/lib/auth-clients/store";
import { openJson, sealJson } from "@/lib/crypto/envelope";
import { Sensitive } from "@/lib/crypto/sensitive";
import { inTenant, type Tx } from "@/lib/db/tx";
import { AppError } from "@/lib/errors";
import { isId, newId } from "@/lib/ids";
import { requireVisibleComponents } from "@/lib/integration-components/service";
import { discover, type ProviderMetadata } from "@/lib/oauth/discovery";
import { releaseSecretName, reserveSecretName } from "@/lib/oauth/redirect-names";
import { errorFields, log } from "@/lib/observability/log";
import type { GrantType } from "@/lib/secret-types/grant-types";
import { isPasswordGrant, type OAuth2Options } from "@/lib/secret-types/oauth2";

export { noteClientOk, noteClientProblem, openOAuthClient } from "@/lib/auth-clients/opened";
export { toSummary } from "@/lib/auth-clients/resource";
export type { ClientRow } from "@/lib/auth-clients/store";

/** Use cases of auth clients. Every one decides first, and records what it did in the transaction that did it. */

/** A client and what this caller may see of it. */
export interface SeenClient {
  row: ClientRow;
  view: ClientView;
}

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
        : await store.countUses(
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
    uses: from.kind === "global" ? null : await store.countUses(tx, from, [id]),
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
      const uses =
        scope.kind === "global" ? null : await inTenant(row.tenantId, (tx) => store.countUses(tx, scope, [id]));
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
    await store.lockUse(tx, id, "alone");
    const users = row.scope.kind === "global" ? [] : await store.secretsUsing(tx, row.tenantId, row);
    const total = row.scope.kind === "global" ? await store.countGlobalUses(tx, id) : users.length;
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

/** Who uses a client, as far as this caller may know. */
export interface ClientUsage {
  users: ClientUser[];
  /** All users, when the caller holds `.get` at the client's own scope; else undefined. */
  total?: number;
}

/**
 * The secrets that use a client, of those workspaces whose secrets the caller may see.
 *
 * @throws AppError not_found, forbidden
 */
export async function readUsage(caller: Caller, id: string, place: ScopeWord | null): Promise<ClientUsage> {
  const { row, from } = await lookUp(caller, id, place);
  const tenantIds = from.kind === "global" ? tenantsOf(caller) : [from.tenantId];
  const users: ClientUser[] = [];
  let total = 0;
  for (const tenantId of tenantIds) {
    const all = await inTenant(tenantId, (tx) => store.secretsUsing(tx, tenantId, row));
    total += all.length;
    users.push(...all.filter((user) => maySee(caller, tenantId, user)));
  }
  if (!holdsOnAuthClients(caller, "get", row.scope)) return { users };
  if (row.scope.kind === "global") total = await inTenant(INSTANCE_TENANT, (tx) => store.countGlobalUses(tx, id));
  return { users, total };
}

/**
 * A client that a secret of this workspace may use: the workspace's own, its contract's, its tenant's or a global one; null
 * otherwise. Until the transaction ends it cannot be deleted, so call it in the transaction that stores the secret.
 */
export async function clientVisibleFrom(tx: Tx, scope: WorkspaceScope, id: string): Promise<ClientRow | null> {
  await store.lockUse(tx, id, "shared");
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
  await store.clearProblem(tx, client.tenantId, client.id, false);
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

// Where a caller stands

async function resolvePlace(caller: Caller, place: ScopeWord, action: string): Promise<Scope> {
  switch (place.kind) {
    case "global":
      return GLOBAL;
    case "workspace":
      return resolveWorkspace(caller, place.id, action);
    case "contract":
      return resolveContract(caller, place.id, action);
    case "tenant":
      return resolveTenant(caller, place.id, action);
  }
}

/** Where a list or a look starts; `.get` there is required, for global clients `.get` anywhere. */
async function viewpoint(caller: Caller, place: ScopeWord | null): Promise<Scope> {
  const from = place ? await resolvePlace(caller, place, "auth_clients.get") : (boundWorkspace(caller) ?? GLOBAL);
  if (from.kind !== "global") await permitOnAuthClients(caller, "get", from, { type: "auth-client" });
  else if (!holdsSomewhere(caller, "get")) await refuse(caller, "get");
  return from;
}

function holdsSomewhere(caller: Caller, action: AuthClientAction): boolean {
  return caller.holdings.some(({ scope }) => holdsOnAuthClients(caller, action, scope));
}

/** For what needs the permission somewhere, whatever the place. */
async function refuse(caller: Caller, action: AuthClientAction): Promise<never> {
  await recordNow(caller, {
    tenantId: tenantsOf(caller)[0] ?? INSTANCE_TENANT,
    action: `auth_clients.${action}`,
    outcome: "denied",
    target: { type: "auth-client" },
  });
  throw new AppError("forbidden", `You need the permission auth_clients.${action} somewhere.`);
}

async function lookUp(caller: Caller, id: string, place: ScopeWord | null): Promise<{ row: ClientRow; from: Scope }> {
  const from = await viewpoint(caller, place);
  const row = isId(id) ? await inTenant(from.tenantId, (tx) => store.findVisibleClient(tx, from, id)) : null;
  if (row) return { row, from };
  if (from.kind === "global") await refuseUnplaced(caller, id);
  return denyUnknown(caller, "auth_clients.get", { type: "auth-client", id });
}

const PARAMETERS: Record<ScopeKind, string> = {
  global: "",
  tenant: "tenant_id (or contract_id or workspace_id of a place in it)",
  contract: "contract_id (or workspace_id of a workspace in it)",
  workspace: "workspace_id",
};

/** Without a place the permission for a client that is not global cannot be checked: say so to those who may know of it. */
async function refuseUnplaced(caller: Caller, id: string): Promise<void> {
  const row = await find(caller, id);
  if (!row || row.scope.kind === "global" || !reaches(caller, row.scope)) return;
  await recordNow(caller, { ...about(row), action: "auth_clients.get", outcome: "denied" });
  throw new AppError(
    "forbidden",
    `This client belongs to a ${row.scope.kind}. Say from where you look at it: add ${PARAMETERS[row.scope.kind]} to the address.`,
  );
}

/** The client wherever the caller has a foot in the door; nothing is decided by this. */
async function find(caller: Caller, id: string): Promise<ClientRow | null> {
  if (!isId(id)) return null;
  for (const tenantId of [INSTANCE_TENANT, ...tenantsOf(caller)]) {
    const row = await inTenant(tenantId, (tx) => store.findClient(tx, tenantId, id));
    if (row) return row;
  }
  return null;
}

async function requireFor(caller: Caller, action: "edit" | "delete", id: string): Promise<ClientRow> {
  const row = await find(caller, id);
  if (!row) return denyUnknown(caller, `auth_clients.${action}`, { type: "auth-client", id });
  await permitOnAuthClients(caller, action, row.scope, { type: "auth-client", id, name: row.name });
  return row;
}

// What a caller sees

function factsFor(facts: Map<string, ClientFacts>, row: ClientRow): ClientFacts {
  return facts.get(row.id) ?? { componentIds: [], problem: null };
}

/**
 * Credentials are for those who hold `.get` at the client's own scope (CONTRACT section 2). Secret values among them leave
 * only to API keys, never to a browser session (VAL-1).
 */
async function see(caller: Caller, row: ClientRow, known: ClientFacts & { usedBy?: number }): Promise<SeenClient> {
  if (!holdsOnAuthClients(caller, "get", row.scope)) return { row, view: { ...known, credentials: null } };
  const session = caller.via === "session";
  if (session && row.type !== "oauth2") return { row, view: { ...known, credentials: null } };
  const opened = await openSealed(row);
  if (!opened)
    return { row, view: { ...known, credentials: null, problem: { ...BROKEN, since: row.updatedAt.toISOString() } } };
  if (row.type !== "oauth2") return { row, view: { ...known, credentials: opened } };
  const options = wireOptions(row.options as unknown as OAuth2Options);
  const hasClientSecret = opened.use((value) => typeof (value as SealedOAuth2).client_secret === "string");
  const credentials = opened.use((secret) => new Sensitive(session ? options : { ...options, ...secret }));
  return { row, view: { ...known, credentials, hasClientSecret } };
}

const BROKEN = {
  code: "integrity_failure",
  title: "Stored credentials cannot be read",
  detail: "What is stored for this client failed its integrity check. Restore a backup, or create the client again.",
  who: "admin",
};

/** Null when the stored bytes are not what Latchkey wrote there: one broken client must not hide the others. */
async function openSealed(row: ClientRow) {
  try {
    return await openJson<Record<string, unknown>>(credentialsPlace(row.tenantId, row.id, row.generation), row.sealed);
  } catch (error) {
    if (!(error instanceof AppError && error.code === "integrity_failure")) throw error;
    log.error("integrity-failure", { tenantId: row.tenantId, authClientId: row.id, ...errorFields(error) });
    return null;
  }
}

/** One entry for each tenant whose clients' secret values are in the answer, committed before the answer leaves. */
async function recordShown(caller: Caller, seen: readonly SeenClient[]): Promise<void> {
  if (caller.via === "session") return;
  const shown = seen.filter(({ view }) => view.credentials !== null).map(({ row }) => row);
  for (const tenantId of new Set(shown.map((row) => row.tenantId))) {
    const rows = shown.filter((row) => row.tenantId === tenantId);
    const [only] = rows;
    const workspaceIds = new Set(rows.map((row) => (row.scope.kind === "workspace" ? row.scope.workspaceId : null)));
    await recordNow(caller, {
      tenantId,
      workspaceId: workspaceIds.size === 1 ? [...workspaceIds][0] : null,
      action: "auth_clients.get_credentials",
      target:
        rows.length === 1 && only
          ? { type: "auth-client", id: only.id, name: only.name }
          : { type: "auth-client", name: `${rows.length} auth clients` },
      detail: rows.length === 1 ? undefined : { ids: rows.map((row) => row.id) },
    });
  }
}

function maySee(caller: Caller, tenantId: string, user: ClientUser): boolean {
  const scope: Scope = { kind: "workspace", tenantId, contractId: user.contractId, workspaceId: user.workspaceId };
  return holds(caller, "workspaces.auth_secret.get", scope);
}

const NAMED = 5;

function inUseText(named: readonly ClientUser[], total: number): string {
  const names = named.slice(0, NAMED).map((user) => `“${user.name}” in ${user.workspaceName}`);
  const others = total - names.length;
  if (names.length === 0)
    return `${total === 1 ? "A secret uses" : `${total} secrets use`} this client, in workspaces whose secrets you cannot see.`;
  const unseen = total - named.length;
  const where = unseen > 0 ? `, ${unseen} of them in workspaces whose secrets you cannot see` : "";
  const tail = others > 0 ? ` and ${others} more${where}` : "";
  return `In use by ${names.join(", ")}${tail}. Delete ${total === 1 ? "that secret" : "those secrets"} first.`;
}

// Writing

function about(row: ClientRow) {
  return {
    tenantId: row.tenantId,
    workspaceId: row.scope.kind === "workspace" ? row.scope.workspaceId : null,
    target: { type: "auth-client", id: row.id, name: row.name },
    generation: row.generation,
    host: hostOf(row),
  };
}

/** Host of each destination, for the audit: whoever sets one decides where secrets go. */
function hostsOf(row: ClientRow): Record<string, string> {
  const hosts: Record<string, string> = {};
  for (const name of ["auth_uri", "token_uri", "refresh_token_uri", "revocation_uri"]) {
    const address = row.options[name];
    if (typeof address === "string") hosts[name] = new URL(address).host;
  }
  return hosts;
}

/** For the audit: the password grant is used where nothing else is offered (OA-17). */
function legacyMark(row: ClientRow): { legacy?: string } {
  return row.type === "oauth2" && isPasswordGrant(row.options as unknown as OAuth2Options)
    ? { legacy: "password grant" }
    : {};
}

async function parts(
  input: ClientInput,
  holder: string,
): Promise<{ options: Partial<OAuth2Options>; secret: SecretPart }> {
  if (input.type !== "oauth2") return { options: {}, secret: new Sensitive(input.credentials) };
  const { options, clientSecret } = await completeOAuth2(input.credentials, holder);
  return { options, secret: sealedPart(clientSecret) };
}

/** What is sealed of a client; not oauth2: all of its credentials. */
type SecretPart = Sensitive<Record<string, unknown>>;

const sealedPart = (clientSecret: Sensitive<string> | undefined): SecretPart =>
  new Sensitive<SealedOAuth2 & Record<string, unknown>>(
    clientSecret === undefined ? {} : { client_secret: clientSecret.reveal() },
  );

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

interface Change {
  name: string;
  options: Record<string, unknown>;
  /** Undefined: the sealed part stays. */
  secret?: SecretPart;
  /** What differs, for the audit; empty: nothing. */
  changed: string[];
  /** How the client authenticates was set anew: what was learned no longer counts. */
  forgetMethod: boolean;
}

async function changeOf(
  row: ClientRow,
  name: string | undefined,
  credentials: Record<string, unknown> | undefined,
): Promise<Change> {
  const change: Change = { name: name ?? row.name, options: row.options, changed: [], forgetMethod: false };
  if (change.name !== row.name) change.changed.push("name");
  if (!credentials) return change;
  if (row.type !== "oauth2") {
    change.secret = new Sensitive(credentials);
    change.changed.push("credentials");
    return change;
  }
  const given = readOAuth2Change(credentials);
  refuseUnused(row.options as unknown as OAuth2Options, given);
  mergeOAuth2(row, change, given);
  await requireSecretWhereUsed(row, change);
  return change;
}

/** Absent keeps, null clears or sets back to the default (VAL-3). */
function mergeOAuth2(row: ClientRow, change: Change, given: OAuth2Change): void {
  const { client_secret: clientSecret, ...keys } = given;
  const options: Record<string, unknown> = { ...row.options };
  for (const [key, value] of Object.entries(keys)) {
    if (value === undefined) continue;
    const next = value ?? (EDITABLE_DEFAULTS as Record<string, unknown>)[key];
    if (JSON.stringify(next) === JSON.stringify(options[key])) continue;
    change.changed.push(key);
    if (next === undefined) delete options[key];
    else options[key] = next;
  }
  change.options = options;
  change.forgetMethod = change.changed.includes("token_endpoint_auth_method");
  if (clientSecret === undefined) return;
  change.changed.push("client_secret");
  change.secret = sealedPart(clientSecret ? new Sensitive(clientSecret) : undefined);
}

/** Only a public client may be without a secret. */
async function requireSecretWhereUsed(row: ClientRow, change: Change): Promise<void> {
  if (row.options.client_id === "") return refuseClientProof(change);
  if (change.options.token_endpoint_auth_method === "none") return;
  const becomesPrivate = row.options.token_endpoint_auth_method === "none";
  const secret = change.secret ?? (becomesPrivate ? await openSealed(row) : undefined);
  if (change.secret === undefined && !becomesPrivate) return;
  if (secret?.use((clear) => Boolean(clear.client_secret))) return;
  throw new AppError(
    "invalid_attribute",
    "client_secret is needed, unless the client is public: then set token_endpoint_auth_method to none.",
    { source: { pointer: `${AT_CREDENTIALS}/client_secret` } },
  );
}

/** A client without an id has nothing to prove. */
function refuseClientProof(change: Change): void {
  const method = change.options.token_endpoint_auth_method;
  const wrong = change.secret?.use((clear) => Boolean(clear.client_secret))
    ? "client_secret"
    : method === "auto" || method === "none"
      ? null
      : "token_endpoint_auth_method";
  if (wrong)
    throw new AppError(
      "invalid_attribute",
      `This client has no client_id, so ${wrong} has no use. Create a new client.`,
      {
        source: { pointer: `${AT_CREDENTIALS}/${wrong}` },
      },
    );
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
    await store.clearProblem(tx, row.tenantId, row.id, change.forgetMethod);
    await recordWith(tx, caller, { ...about(written), action: "auth_clients.edit", detail: { changed } });
    return { row: written, facts: { componentIds: componentIds ?? before.componentIds, problem: null } };
  });
}
