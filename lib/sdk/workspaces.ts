import type { Client, PageMeta, RequestOptions } from "./client";
import type { Activity, Contract, TaskIdentity, Visibility, Workspace } from "./resources";

type Wait = Pick<RequestOptions, "signal">;

export interface ActivityQuery {
  /** From 1. */
  page?: number;
  size?: number;
  secret?: string | null;
  action?: string | null;
}

export interface NewTaskIdentity {
  name: string;
  /** A subset of the default ones; all of them when absent. */
  permissions?: string[];
  /** ISO time; null or absent: no end, or that of the key that makes it. */
  expiresAt?: string | null;
  /** IP addresses and ranges such as `192.0.2.0/24`; null or absent: anywhere. */
  allowedAddresses?: string[] | null;
}

const at = (id: string, tail = "") => `/v2/workspaces/${encodeURIComponent(id)}${tail}`;

/** Calls about workspaces and what belongs to them. All reject with `LatchkeyError`. */
export function workspaceCalls(client: Client) {
  return {
    /** Those the caller belongs to (at most 100), their contracts in `included`. */
    list: (wait: Wait = {}) =>
      client.list<Workspace>("/v2/workspaces", { query: { "page[size]": 100, include: "contract" }, ...wait }),
    /** One workspace; `meta.permissions` says what the caller may do there, `auth_client_places` where above it clients may be added. */
    get: (id: string, wait: Wait = {}) =>
      client.single<Workspace, { permissions?: string[]; auth_client_places?: Visibility[] }>("GET", at(id), wait),
    create: (name: string, contractId: string) =>
      client.single<Workspace>("POST", "/v2/workspaces", {
        body: {
          data: {
            type: "workspace",
            attributes: { name },
            relationships: { contract: { data: { id: contractId, type: "contract" } } },
          },
        },
      }),
    contracts: (wait: Wait = {}) => client.list<Contract>("/v2/contracts", { query: { "page[size]": 100 }, ...wait }),
    activity: (id: string, query: ActivityQuery = {}, wait: Wait = {}) =>
      client.list<Activity, PageMeta>(at(id, "/activity"), {
        query: {
          "page[number]": query.page ?? 1,
          "page[size]": query.size ?? 50,
          "filter[secret]": query.secret,
          "filter[action]": query.action,
        },
        ...wait,
      }),
    taskIdentities: (id: string, wait: Wait = {}) => client.list<TaskIdentity>(at(id, "/task-identities"), wait),
    /** `attributes.api_key` is in this answer and never again. */
    createTaskIdentity: (id: string, given: NewTaskIdentity) =>
      client.single<TaskIdentity>("POST", at(id, "/task-identities"), {
        body: {
          data: {
            type: "task-identity",
            attributes: {
              name: given.name,
              ...(given.permissions ? { permissions: given.permissions } : {}),
              ...(given.expiresAt ? { expires_at: given.expiresAt } : {}),
              ...(given.allowedAddresses ? { allowed_addresses: given.allowedAddresses } : {}),
            },
          },
        },
      }),
    async endTaskIdentity(id: string, identityId: string): Promise<void> {
      await client.request("DELETE", at(id, `/task-identities/${encodeURIComponent(identityId)}`));
    },
  };
}
