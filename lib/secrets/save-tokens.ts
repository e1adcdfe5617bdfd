import { randomUUID } from "node:crypto";
import type { WorkspaceScope } from "@/lib/access/scope";
import type { OAuthClient } from "@/lib/auth-clients/client";
import { settings } from "@/lib/config";
import { sealJson } from "@/lib/crypto/envelope";
import { fingerprint, mac } from "@/lib/crypto/mac";
import { Sensitive } from "@/lib/crypto/sensitive";
import type { Tx } from "@/lib/db/tx";
import { notFound } from "@/lib/errors";
import { grantOf } from "@/lib/oauth/grants";
import type { StoredTokens } from "@/lib/oauth/token-set";
import { leadMs } from "@/lib/refresher/policy";
import { tokenPlace } from "@/lib/refresher/token-place";
import type { OAuth2CredentialsInput } from "@/lib/secret-types/oauth2";
import { lockTokens, saveTokens } from "./token-store";

export interface NewTokens {
  scope: WorkspaceScope;
  secretId: string;
  client: OAuthClient;
  tokens: StoredTokens;
  /** Seconds; undefined: not said, the client's `token_expires_in` counts where the tokens can be renewed. */
  lifetimeS: number | undefined;
  /** Ms since they were asked for, by a monotonic clock. */
  ageMs: number;
  issuedAtMs: number | null;
  /** A new one for a new consent. */
  grantId: string;
}

/** Makes tokens that a person brought (by consent or by hand) the current ones, inside the person's transaction. */
export async function saveNewGrant(tx: Tx, given: NewTokens): Promise<number> {
  const { scope, secretId, client, tokens } = given;
  const locked = await lockTokens(tx, scope.tenantId, secretId);
  if (!locked) throw notFound("secret");
  const generation = locked.generation + 1;
  const renewable = grantOf(client).renewable(tokens);
  // Without a word from the provider and without a way to renew, nobody knows that it ever expires ("infinity token").
  const lifetimeS = given.lifetimeS ?? (renewable ? client.options.token_expires_in : null);
  await saveTokens(tx, {
    tenantId: scope.tenantId,
    secretId,
    workspaceId: scope.workspaceId,
    authClientTenantId: client.tenantId,
    authClientId: client.id,
    grantId: given.grantId,
    parentGeneration: locked.generation,
    sealed: await sealJson(tokenPlace(scope.tenantId, secretId, generation), tokens),
    tokenMac: tokens.refresh_token?.use((clear) => mac("refresh-token", clear)) ?? null,
    ageMs: given.ageMs,
    issuedAtMs: given.issuedAtMs,
    lifetimeS,
    leadMs: lifetimeS === null ? 0 : leadMs(lifetimeS, settings().refreshLeadS, Math.random()),
    hasRefreshToken: tokens.refresh_token !== null,
    renewable,
    tokenType: tokens.token_type,
    scopeGranted: tokens.scope,
    fingerprint: tokens.access_token.use((clear) => fingerprint(scope.tenantId, clear)),
    refreshFingerprint: tokens.refresh_token?.use((clear) => fingerprint(scope.tenantId, clear)) ?? null,
    attempt: randomUUID(),
  });
  return generation;
}

/** Stored tokens with the members of a request merged in: absent keeps, null clears. */
export function mergeTokens(before: StoredTokens | null, given: OAuth2CredentialsInput): StoredTokens {
  const keep = <T>(value: T | null | undefined, old: T | null): T | null => (value === undefined ? old : value);
  return {
    access_token: wrapped(given.access_token) ?? before?.access_token ?? new Sensitive(""),
    refresh_token: keep(wrapped(given.refresh_token), before?.refresh_token ?? null),
    token_type: given.token_type ?? before?.token_type ?? "Bearer",
    expires_in: given.expires_in == null ? (before?.expires_in ?? null) : Number(given.expires_in),
    scope: keep(given.scope, before?.scope ?? null),
    undefined_params:
      given.undefined_params === undefined && before
        ? before.undefined_params
        : new Sensitive(given.undefined_params ?? {}),
  };
}

const wrapped = <T extends string | null | undefined>(value: T) =>
  (typeof value === "string" ? new Sensitive<string>(value) : value) as T extends string ? Sensitive<string> : T;
