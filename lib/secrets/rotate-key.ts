import type { Caller } from "@/lib/access/caller";
import { permit } from "@/lib/access/permit";
import type { WorkspaceScope } from "@/lib/access/scope";
import { resolveWorkspace } from "@/lib/accounts/places";
import { recordWith } from "@/lib/audit/record";
import { sealJson } from "@/lib/crypto/envelope";
import { inTenant } from "@/lib/db/tx";
import { AppError, notFound } from "@/lib/errors";
import type { Resource } from "@/lib/http/json-api";
import type { RsaBits } from "@/lib/secret-types/rs256";
import { insertEvent } from "./event-store";
import { newPrivateKey, publicKeysOf, type StoredKeyPair, withNextKey } from "./key-pair";
import { credentialsPlace, openStatic } from "./opened";
import { publishKeys } from "./published-key-store";
import type { SecretRow } from "./rows";
import { findSecret, keyPlace, viewOne } from "./service";
import * as store from "./store";

const EDIT = "workspaces.auth_secret.edit";

/**
 * Has a new pair sign, or be encrypted for, from now on. The earlier public keys stay published, and what was made with them
 * stays good, until they are retired.
 *
 * @returns the secret with its public keys, without values
 * @throws AppError not_found, forbidden, bad_request for another type, conflict with too many earlier keys, throttled
 */
export async function rotateKey(caller: Caller, workspaceId: string, id: string, bits?: RsaBits): Promise<Resource> {
  const { scope, row } = await permittedPair(caller, workspaceId, id);
  const key = await newPrivateKey(bits);
  await change(caller, scope, row, "secret.key_rotated", (pair) => withNextKey(pair, key));
  return (await viewOne(caller, scope, await findSecret(caller, scope, id, EDIT), "no-values")).resource;
}

/**
 * Ends an earlier key: it is no longer published, and nothing is verified or decrypted with it any more.
 *
 * @throws AppError not_found, forbidden, bad_request for another type, in_use for the current key
 */
export async function retireKey(caller: Caller, workspaceId: string, id: string, kid: string): Promise<void> {
  const { scope, row } = await permittedPair(caller, workspaceId, id);
  await change(caller, scope, row, "secret.key_retired", (pair) => {
    if (publicKeysOf(pair)[0]?.kid === kid)
      throw new AppError("in_use", "This is the current key. Rotate first; then the earlier one can be retired.");
    const { previous_keys = [], ...rest } = pair;
    const left = previous_keys.filter((key) => key.kid !== kid);
    if (left.length === previous_keys.length) throw notFound("key");
    return left.length > 0 ? { ...rest, previous_keys: left } : rest;
  });
}

async function permittedPair(caller: Caller, workspaceId: string, id: string) {
  const scope = await resolveWorkspace(caller, workspaceId, EDIT);
  await permit(caller, EDIT, scope, { type: "auth-secret", id });
  const row = await findSecret(caller, scope, id, EDIT);
  if (row.type !== "rs256") throw new AppError("bad_request", `A secret of type ${row.type} has no key pair.`);
  return { scope, row };
}

/** Stores the pair that `next` makes of the one that is stored now, and publishes its keys. */
async function change(
  caller: Caller,
  scope: WorkspaceScope,
  row: SecretRow,
  action: "secret.key_rotated" | "secret.key_retired",
  next: (pair: StoredKeyPair) => StoredKeyPair,
): Promise<void> {
  const { tenantId, workspaceId } = scope;
  await inTenant(tenantId, async (tx) => {
    const locked = await store.lockSecret(tx, tenantId, row.id);
    if (!locked) throw notFound("secret");
    const stored = await openStatic({ ...row, ...locked });
    const { pair, before } = stored.use((values) => {
      const now = values as unknown as StoredKeyPair;
      return { before: publicKeysOf(now), pair: next(now) };
    });
    const after = publicKeysOf(pair);
    const generation = locked.generation + 1;
    const sealed = await sealJson(credentialsPlace(tenantId, row.id, generation), pair);
    await store.updateSecret(tx, tenantId, row.id, { sealed, generation });
    await publishKeys(tx, keyPlace(scope, row.id), after);
    const changed =
      after.find(({ kid }) => before.every((key) => key.kid !== kid)) ??
      before.find(({ kid }) => after.every((key) => key.kid !== kid));
    await insertEvent(tx, tenantId, row.id, {
      event: "edited",
      actor: caller.name,
      generation,
      detail: action === "secret.key_rotated" ? `new key ${changed?.kid}` : `retired key ${changed?.kid}`,
    });
    await recordWith(tx, caller, {
      tenantId,
      workspaceId,
      action,
      target: { type: "auth-secret", id: row.id, name: row.name },
      generation,
      detail: { kid: changed?.kid },
    });
    await store.notifyChange(tx, workspaceId, row.id);
  });
}
