import type { Caller } from "@/lib/access/caller";
import { requireRecentSignIn } from "@/lib/access/permit";
import { systemClock } from "@/lib/clock";
import { notFound } from "@/lib/errors";
import type { Resource } from "@/lib/http/json-api";
import type { KeyUseAction } from "@/lib/secrets/audited-read-store";
import { openStatic } from "@/lib/secrets/opened";
import { readForUse } from "@/lib/secrets/used";
import { decryptJwe, encryptJwe, signJwt, signPayload, verifyJwt, verifyPayload } from "./jwt";
import { type JwtKeys, keysOf } from "./jwt-keys";
import {
  type SignBody,
  toDecrypted,
  toEncrypted,
  toPayload,
  toSigned,
  toSignedPayload,
  toVerified,
  type VerifyBody,
} from "./jwt-resource";

/** Tokens signed, verified, encrypted and decrypted with a secret whose key stays here. Each use is on record before its answer. */

/**
 * @throws AppError not_found, forbidden, reauth_required in a browser after an old sign-in, bad_request for a secret that does not
 * sign, audit_unavailable
 */
export async function signWithSecret(
  caller: Caller,
  workspaceId: string,
  id: string,
  { claims = {}, payload, lifetime, typ }: SignBody,
): Promise<Resource> {
  // A token opens what the secret opens, for a while.
  requireRecentSignIn(caller, systemClock.now());
  const keys = await keysFor(caller, workspaceId, id, "secret.signed");
  if (payload !== undefined) return toSignedPayload(id, await signPayload(keys, payload, typ));
  return toSigned(id, await signJwt(keys, claims, { nowMs: systemClock.now(), lifetimeS: lifetime, typ }));
}

/** @throws AppError as `signWithSecret`; token_refused (400) with the reason */
export async function verifyWithSecret(
  caller: Caller,
  workspaceId: string,
  id: string,
  { token, payload, ...wanted }: VerifyBody,
): Promise<Resource> {
  const keys = await keysFor(caller, workspaceId, id, "secret.verified");
  if (payload) return toPayload(id, await verifyPayload(keys, token));
  return toVerified(id, await verifyJwt(keys, token, wanted, systemClock.now()));
}

/** @throws AppError as `signWithSecret` */
export async function encryptForSecret(
  caller: Caller,
  workspaceId: string,
  id: string,
  plaintext: string,
): Promise<Resource> {
  const keys = await keysFor(caller, workspaceId, id, "secret.encrypted");
  return toEncrypted(id, await encryptJwe(keys, plaintext));
}

/** @throws AppError as `signWithSecret`; token_refused (400) */
export async function decryptWithSecret(
  caller: Caller,
  workspaceId: string,
  id: string,
  token: string,
): Promise<Resource> {
  requireRecentSignIn(caller, systemClock.now());
  const keys = await keysFor(caller, workspaceId, id, "secret.decrypted");
  return toDecrypted(id, await decryptJwe(keys, token));
}

async function keysFor(caller: Caller, workspaceId: string, id: string, action: KeyUseAction): Promise<JwtKeys> {
  const row = await readForUse(caller, workspaceId, id, action);
  if (!row) throw notFound("secret");
  return keysOf(row, () => openStatic(row));
}
