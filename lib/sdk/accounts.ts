import type { Client, RequestOptions } from "./client";
import type { ApiKey, Session, User } from "./resources";

type Wait = Pick<RequestOptions, "signal">;

export interface NewApiKey {
  name: string;
  /** ISO time, a year from now at most; null or absent: 90 days. */
  expiresAt?: string | null;
  /** What it is limited to; null or absent: no limit. */
  permissions?: string[] | null;
  /** Ids of workspaces the caller is a member of. */
  workspaces?: string[] | null;
  /** IP addresses and ranges such as `192.0.2.0/24`. */
  allowedAddresses?: string[] | null;
}

/** Calls about the caller's own account. All reject with `LatchkeyError`. */
export function accountCalls(client: Client) {
  return {
    me: (wait: Wait = {}) => client.single<User, { operator?: boolean }>("GET", "/v2/users/me", wait),
    apiKeys: (wait: Wait = {}) => client.list<ApiKey>("/v2/users/me/api-keys", wait),
    /** `attributes.key` is in this answer and never again. */
    createApiKey: (given: NewApiKey) =>
      client.single<ApiKey>("POST", "/v2/users/me/api-keys", {
        body: {
          data: {
            type: "api-key",
            attributes: {
              name: given.name,
              ...(given.expiresAt ? { expires_at: given.expiresAt } : {}),
              ...(given.permissions ? { permissions: given.permissions } : {}),
              ...(given.workspaces ? { workspaces: given.workspaces } : {}),
              ...(given.allowedAddresses ? { allowed_addresses: given.allowedAddresses } : {}),
            },
          },
        },
      }),
    async deleteApiKey(id: string): Promise<void> {
      await client.request("DELETE", `/v2/users/me/api-keys/${encodeURIComponent(id)}`);
    },
    sessions: (wait: Wait = {}) => client.list<Session>("/v2/users/me/sessions", wait),
    async endSession(id: string): Promise<void> {
      await client.request("DELETE", `/v2/users/me/sessions/${encodeURIComponent(id)}`);
    },
    /** Ends all sessions but this one. */
    async endOtherSessions(): Promise<void> {
      await client.request("DELETE", "/v2/users/me/sessions");
    },
    async changePassword(current: string, password: string): Promise<void> {
      await client.request("POST", "/v2/users/me/password", { body: { current, password } });
    },
    /** Proves the password again, so that an action refused with `reauth_required` may be repeated. */
    async reauthenticate(password: string): Promise<void> {
      await client.request("POST", "/v2/users/me/reauthenticate", { body: { password } });
    },
  };
}
