import type { Client, PageMeta, RequestOptions } from "./client";
import type { Person, RevealPolicy, Session, Tenant } from "./resources";

type Wait = Pick<RequestOptions, "signal">;

/** The id under which `tenants` says what the operator may do about everybody. */
export const INSTANCE = "000000000000000000000000";

const at = (id: string, tail = "") => `/v2/users/${encodeURIComponent(id)}/sessions${tail}`;

/** Calls about other people, for those who answer for them. All reject with `LatchkeyError`. */
export function peopleCalls(client: Client) {
  return {
    /** The tenants the caller sees; `meta.permissions` says by tenant id (and `INSTANCE`) what the caller may do there. */
    tenants: (wait: Wait = {}) => client.list<Tenant, { permissions?: Record<string, string[]> }>("/v2/tenants", wait),
    /** Decides for all secrets of the tenant whether values may be shown to people. */
    setReveal: (tenantId: string, reveal: RevealPolicy) =>
      client.single<Tenant>("PATCH", `/v2/tenants/${encodeURIComponent(tenantId)}`, {
        body: { data: { type: "tenant", id: tenantId, attributes: { reveal } } },
      }),
    /** The tenant's people with their roles, by e-mail, 50 a page; null: everybody, for the operator. */
    list: (tenantId: string | null, page = 1, wait: Wait = {}) =>
      client.list<Person, PageMeta>("/v2/users", { query: { tenant_id: tenantId, "page[number]": page }, ...wait }),
    sessions: (userId: string, wait: Wait = {}) => client.list<Session>(at(userId), wait),
    async endSession(userId: string, id: string): Promise<void> {
      await client.request("DELETE", at(userId, `/${encodeURIComponent(id)}`));
    },
    /** Signs the person out everywhere; of one's own sessions this one stays. */
    async endSessions(userId: string): Promise<void> {
      await client.request("DELETE", at(userId));
    },
  };
}
