import { type Caller, tenantsOf } from "@/lib/access/caller";
import type { Permission } from "@/lib/access/permissions";
import { INSTANCE_TENANT, type WorkspaceScope } from "@/lib/access/scope";
import { resolveWorkspace } from "@/lib/accounts/places";
import { recordNow } from "@/lib/audit/record";
import { inTenant } from "@/lib/db/tx";
import { AppError, notFound } from "@/lib/errors";
import { isId } from "@/lib/ids";
import { once } from "@/lib/process";
import type { Freshened } from "@/lib/refresher/ensure-fresh";
import { isSecretType, SECRET_TYPES } from "@/lib/secret-types";
import { entriesFor, isAllowed, namesHost } from "./allowed-hosts";
import { type Reader, readRequestAudited } from "./audited-read-store";
import { freshen, satisfies } from "./freshness";
import { openForRequest } from "./opened";
import { permitted } from "./permitted";
import type { OpenCredentials } from "./resource";
import type { RequestRow } from "./rows";
import { findSecret } from "./service";
import * as store from "./store";
import { renewRefused } from "./tokens";
import { unserved } from "./unserved";

/** A secret given out to a request that Latchkey makes itself (SECURITY PX-1, AU-1): allowed, recorded, and only then opened. */

const USE: Permission = "workspaces.auth_secret.use";
/** A token that ends sooner may end on the way. */
const LEAST_VALIDITY_MS = 5_000;
const WAIT_MS = 8_000;
const MOST_KNOWN = 50_000;

/** Where a request goes and how; nothing else of it is recorded. */
export interface Destination {
  method: string;
  url: URL;
}

/** A secret, opened for one destination. */
export interface Release {
  scope: WorkspaceScope;
  row: RequestRow;
  credentials: OpenCredentials;
}

/**
 * Opens a secret for a request, its token renewed first when it must be. Its use is on record, with the host, before this resolves.
 *
 * @throws AppError not_found, forbidden, destination_not_allowed (recorded as denied), bad_request for a type that makes no requests,
 * needs_person (409), provider_fault (424), audit_unavailable
 */
export async function releaseFor(
  caller: Caller,
  workspaceId: string,
  id: string,
  destination: Destination,
): Promise<Release> {
  const scope = await permitted(caller, USE, workspaceId, id);
  return releaseTo(caller, scope, id, destination);
}

/**
 * The same for who has been allowed already: a webhook, when it was given the secret.
 *
 * @throws AppError as `releaseFor`, but forbidden
 */
export async function releaseTo(
  caller: Reader,
  scope: WorkspaceScope,
  id: string,
  destination: Destination,
): Promise<Release> {
  let row = await read(caller, scope, id, destination);
  if (row.type === "oauth2") {
    let came: Freshened | null = null;
    if (!satisfies(row, LEAST_VALIDITY_MS) && row.renewable) {
      came = await freshen(
        row,
        scope,
        { validityMs: LEAST_VALIDITY_MS, generation: null, insist: false },
        WAIT_MS,
        null,
      );
      row = await read(caller, scope, id, destination);
    }
    if (!satisfies(row, 0)) throw unserved(row, came);
  }
  return { scope, row, credentials: await openForRequest(row) };
}

/**
 * Another secret of the same workspace that a request names, opened for the same destination. The same for what there is not and what
 * makes no requests: null, with an entry of what was tried.
 *
 * @throws AppError destination_not_allowed, needs_person (409), provider_fault (424), audit_unavailable
 */
export async function releaseNamed(
  caller: Caller,
  scope: WorkspaceScope,
  name: string,
  destination: Destination,
): Promise<Release | null> {
  const found = await inTenant(scope.tenantId, (tx) => store.secretNamed(tx, scope, name));
  if (found && injects(found.type))
    try {
      return await releaseFor(caller, scope.workspaceId, found.id, destination);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      if (error.code === "destination_not_allowed")
        throw new AppError(
          error.code,
          `The secret ${JSON.stringify(name)}, which the request names, may not be sent there. Who may edit it can change its allowed hosts.`,
        );
      if (error.code !== "not_found" && error.code !== "forbidden") throw error;
      return null;
    }
  await recordNow(caller, {
    tenantId: scope.tenantId,
    workspaceId: scope.workspaceId,
    action: USE,
    outcome: "denied",
    target: { type: "auth-secret", id: found?.id, name },
    host: destination.url.host,
  });
  return null;
}

/**
 * The workspace of a secret whose id is all that is known, where the caller's part of the tree reaches it. It says only where the secret is;
 * `releaseFor` decides.
 *
 * @throws AppError not_found, with an entry of what was tried: in the same words whether the secret is elsewhere or nowhere
 */
export async function workspaceOf(caller: Caller, id: string): Promise<string> {
  // Where a secret is never changes, so what was found is kept.
  const known = once("secret-workspaces", () => new Map<string, string>());
  for (const tenantId of isId(id) ? tenantsOf(caller) : []) {
    const key = `${tenantId}/${id}`;
    const found =
      known.get(key) ?? (await inTenant(tenantId, (tx) => store.authorizableSecret(tx, tenantId, id)))?.workspaceId;
    if (found === undefined) continue;
    if (known.size >= MOST_KNOWN) known.clear();
    known.set(key, found);
    try {
      await resolveWorkspace(caller, found, USE);
    } catch (error) {
      if (error instanceof AppError && error.code === "not_found") throw notFound("secret");
      throw error;
    }
    return found;
  }
  await recordNow(caller, {
    tenantId: tenantsOf(caller)[0] ?? INSTANCE_TENANT,
    action: USE,
    outcome: "denied",
    target: { type: "auth-secret", id },
  });
  throw notFound("secret");
}

/**
 * The same secret after the destination answered 401: with a newer token, renewed once for all who report this one. Null when there is
 * none to be had, or none that could be another; then the 401 is the answer.
 *
 * @throws AppError destination_not_allowed, audit_unavailable
 */
export async function releaseAnew(caller: Reader, refused: Release, destination: Destination): Promise<Release | null> {
  const { scope, row } = refused;
  if (row.type !== "oauth2" || row.fingerprint === null) return null;
  const again = () => read(caller, scope, row.id, destination);
  try {
    const renewed = await renewRefused(caller, scope, row, row.fingerprint, again);
    return { scope, row: renewed, credentials: await openForRequest(renewed) };
  } catch (error) {
    if (error instanceof AppError && (error.code === "needs_person" || error.code === "provider_fault")) return null;
    throw error;
  }
}

/**
 * Has the token renewed after the destination answered 401, where nothing can be sent with the newer one.
 *
 * @returns whether there is a newer one now
 */
export async function renewUnsent(caller: Caller, { scope, row }: Release): Promise<boolean> {
  if (row.type !== "oauth2" || row.fingerprint === null) return false;
  try {
    await renewRefused(caller, scope, row, row.fingerprint, () => findSecret(caller, scope, row.id, USE));
    return true;
  } catch (error) {
    if (error instanceof AppError && (error.code === "needs_person" || error.code === "provider_fault")) return false;
    throw error;
  }
}

/** Why a secret with these entries may not make a request, for who asked. */
export function notAllowed({ method, url }: Destination, entries: readonly string[]): string {
  if (entries.length === 0)
    return "This secret has no allowed hosts yet, so no request can be made with it. Who may edit the secret can add this one.";
  return entries.some((entry) => namesHost(url, entry))
    ? `This secret may be sent to ${url.host}, but not with ${method} to this path. Who may edit the secret can change its allowed hosts.`
    : `This secret may not be sent to ${url.host}. Who may edit the secret can add it to the allowed hosts.`;
}

const injects = (type: string): boolean => isSecretType(type) && SECRET_TYPES[type].injects !== null;

async function read(caller: Reader, scope: WorkspaceScope, id: string, asked: Destination): Promise<RequestRow> {
  const { method, url } = asked;
  const destination = { host: url.host, entries: entriesFor(asked) };
  const row = await readRequestAudited(caller, scope, id, method, destination);
  if (!row) throw notFound("secret");
  // The statement that wrote the entry decided the same.
  if (!isAllowed(destination.entries, row.allowedHosts))
    throw new AppError("destination_not_allowed", notAllowed(asked, row.allowedHosts));
  if (!injects(row.type)) throw new AppError("bad_request", `A secret of type ${row.type} makes no HTTP requests.`);
  return row;
}
