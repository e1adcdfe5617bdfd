import { createCipheriv, randomBytes } from "node:crypto";
import type postgres from "postgres";
import { sealJson } from "@/lib/crypto/envelope";
import { fingerprint, mac } from "@/lib/crypto/mac";
import { newId } from "@/lib/ids";
import type { SealedTokens } from "@/lib/oauth/token-set";
import { tokenPlace } from "@/lib/refresher/token-place";

/** Rows for the bench, written past the API: making thousands through it would take longer than measuring them. */

/** Where the secrets live. */
export interface Ground {
  tenantId: string;
  workspaceId: string;
  authClientTenantId: string;
  authClientId: string;
}

export interface SeededSecret {
  id: string;
  /** The provider's grant: its refresh token is `r.<grant>.0`. */
  grant: string;
}

const ACCESS_TOKEN = (grant: string) => `a.${grant}.0.${"x".repeat(800)}`;
const CHUNK = 500;

/** Authorized oauth2 secrets that fall due in a day. */
export async function seedSecrets(
  owner: postgres.Sql,
  ground: Ground,
  count: number,
  label: string,
): Promise<SeededSecret[]> {
  const made: SeededSecret[] = [];
  for (let done = 0; done < count; done += CHUNK) {
    const chunk = await Promise.all(
      Array.from({ length: Math.min(CHUNK, count - done) }, (_, i) => secret(ground, `${label} ${done + i}`)),
    );
    const { tenantId, workspaceId, authClientTenantId, authClientId } = ground;
    const column = (pick: (row: Made) => string) => chunk.map(pick);
    await owner.begin(async (tx) => {
      await tx`
        insert into secrets (tenant_id, id, workspace_id, type, name, name_key, secret_name, auth_client_tenant_id,
          auth_client_id, scope, sealed)
        select ${tenantId}, id, ${workspaceId}, 'oauth2', name, lower(name), id, ${authClientTenantId}, ${authClientId},
          'read write', sealed::bytea
          from unnest(${column((row) => row.id)}::text[], ${column((row) => row.name)}::text[],
                      ${column((row) => row.extras)}::text[]) as r(id, name, sealed)`;
      await tx`
        insert into token_state (tenant_id, secret_id, workspace_id, auth_client_tenant_id, auth_client_id, status,
          grant_id, generation, sealed, expires_at, issued_at, received_at, lifetime_s, has_refresh_token, token_type,
          scope_granted, fingerprint, refresh_fingerprint, refresh_due_at, renewable, outcome)
        select ${tenantId}, id, ${workspaceId}, ${authClientTenantId}, ${authClientId}, 'active', grant_id, 1,
          sealed::bytea, now() + interval '25 h', now(), now(), 90000, true, 'Bearer', 'read write', fp, rfp,
          now() + interval '24 h', true, 'OK'
          from unnest(${column((row) => row.id)}::text[], ${column((row) => row.grant)}::text[],
                      ${column((row) => row.sealed)}::text[], ${column((row) => row.fingerprint)}::text[],
                      ${column((row) => row.refreshFingerprint)}::text[]) as r(id, grant_id, sealed, fp, rfp)`;
      await tx`
        insert into token_ledger (tenant_id, secret_id, grant_id, token_mac, generation, sealed, issued_at, received_at,
          attempt, standing)
        select ${tenantId}, id, grant_id, mac, 1, sealed::bytea, now(), now(), 'seed', 'current'
          from unnest(${column((row) => row.id)}::text[], ${column((row) => row.grant)}::text[],
                      ${column((row) => row.tokenMac)}::text[], ${column((row) => row.sealed)}::text[])
            as r(id, grant_id, mac, sealed)`;
    });
    made.push(...chunk.map(({ id, grant }) => ({ id, grant })));
  }
  await owner`analyze secrets, token_state, token_ledger`;
  return made;
}

interface Made extends SeededSecret {
  name: string;
  extras: string;
  sealed: string;
  fingerprint: string;
  refreshFingerprint: string;
  tokenMac: string;
}

const hex = (bytes: Buffer) => `\\x${bytes.toString("hex")}`;

async function secret({ tenantId }: Ground, name: string): Promise<Made> {
  const id = newId();
  const grant = randomBytes(8).toString("hex");
  const tokens: SealedTokens = {
    access_token: ACCESS_TOKEN(grant),
    refresh_token: `r.${grant}.0`,
    token_type: "Bearer",
    expires_in: 90_000,
    scope: "read write",
    undefined_params: {},
  };
  const place = { tenantId, table: "secrets", rowId: id, field: "credentials", generation: 1 };
  return {
    id,
    grant,
    name,
    extras: hex(await sealJson(place, { additional_params: {}, fields: {} })),
    sealed: hex(await sealJson(tokenPlace(tenantId, id, 1), tokens)),
    fingerprint: fingerprint(tenantId, tokens.access_token),
    refreshFingerprint: fingerprint(tenantId, tokens.refresh_token as string),
    tokenMac: mac("refresh-token", tokens.refresh_token as string),
  };
}

/** The tables of the bare programs, in the same database. @returns the key of their values, hex; ids of `bench_values` */
export async function seedBare(
  owner: postgres.Sql,
  counts: { values: number; tokens: number },
): Promise<{ key: string; ids: string[] }> {
  const key = randomBytes(32);
  const seal = (text: string) => {
    const nonce = randomBytes(12);
    const cipher = createCipheriv("aes-256-gcm", key, nonce, { authTagLength: 16 });
    return hex(Buffer.concat([nonce, cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()]));
  };
  await owner.unsafe(`
    drop table if exists bench_values, bench_tokens;
    create table bench_values (id text primary key, sealed bytea not null);
    create table bench_tokens (id text primary key, sealed bytea not null, due_at timestamptz, leased_until timestamptz,
      n int not null default 0) with (fillfactor = 70);
    create index on bench_tokens (due_at);`);
  const ids = Array.from({ length: counts.values }, () => newId());
  await owner`insert into bench_values
    select id, sealed::bytea from unnest(${ids}::text[], ${ids.map(() => seal("x".repeat(1024)))}::text[]) as r(id, sealed)`;
  for (let done = 0; done < counts.tokens; done += CHUNK) {
    const grants = Array.from({ length: Math.min(CHUNK, counts.tokens - done) }, () => randomBytes(8).toString("hex"));
    const sealed = grants.map((grant) =>
      seal(JSON.stringify({ access_token: ACCESS_TOKEN(grant), refresh_token: `r.${grant}.0`, token_type: "bearer" })),
    );
    await owner`insert into bench_tokens (id, sealed, due_at)
      select id, sealed::bytea, now() + interval '1 day' from unnest(${grants}::text[], ${sealed}::text[]) as r(id, sealed)`;
  }
  await owner`analyze bench_values, bench_tokens`;
  return { key: key.toString("hex"), ids };
}
