import type { Client, PageMeta, RequestOptions } from "./client";
import type { Endpoint, EndpointCheck } from "./resources";

type Wait = Pick<RequestOptions, "signal">;

/** What is left out of a change stays as it is. */
export interface EndpointChange {
  name?: string;
  /** Everybody may pass. In a browser it takes a recent sign-in. */
  openAccess?: boolean;
  /** What a token must have, each a whole word. */
  scopes?: string[];
  /** Null: as the token's secret has it. */
  issuer?: string | null;
  audience?: string | null;
  /** Ids of the secrets that open it: basic, api_key, hs256, rs256. */
  secrets?: string[];
}

export type NewEndpoint = EndpointChange & { name: string };

const at = (workspaceId: string, tail = "") => `/v2/workspaces/${encodeURIComponent(workspaceId)}/endpoints${tail}`;
const one = (workspaceId: string, id: string, tail = "") => at(workspaceId, `/${encodeURIComponent(id)}${tail}`);

const body = ({ name, openAccess, scopes, issuer, audience, secrets }: EndpointChange) => ({
  data: {
    type: "endpoint",
    attributes: {
      ...(name === undefined ? {} : { name }),
      ...(openAccess === undefined ? {} : { open_access: openAccess }),
      ...(scopes === undefined ? {} : { scopes }),
      ...(issuer === undefined ? {} : { issuer }),
      ...(audience === undefined ? {} : { audience }),
    },
    ...(secrets === undefined
      ? {}
      : { relationships: { secrets: { data: secrets.map((id) => ({ id, type: "auth-secret" })) } } }),
  },
});

/** Calls about endpoints: whom a proxy lets through to a program. All reject with `LatchkeyError`. */
export function endpointCalls(client: Client) {
  return {
    /**
     * By name, at most 100 a page.
     *
     * @param filter a part of the name, or the id of a secret that opens them
     */
    list: (workspaceId: string, page = 1, filter: { search?: string; secret?: string } = {}, wait: Wait = {}) =>
      client.list<Endpoint, PageMeta>(at(workspaceId), {
        query: { "page[number]": page, "filter[search]": filter.search, "filter[secret]": filter.secret },
        ...wait,
      }),
    get: (workspaceId: string, id: string, wait: Wait = {}) =>
      client.single<Endpoint>("GET", one(workspaceId, id), wait),
    create: (workspaceId: string, given: NewEndpoint) =>
      client.single<Endpoint>("POST", at(workspaceId), { body: body(given) }),
    update: (workspaceId: string, id: string, change: EndpointChange) =>
      client.single<Endpoint>("PATCH", one(workspaceId, id), { body: body(change) }),
    async remove(workspaceId: string, id: string): Promise<void> {
      await client.request("DELETE", one(workspaceId, id));
    },
    /** What was asked lately, newest first; like checks of a minute are one row. */
    checks: (workspaceId: string, id: string, page = 1, wait: Wait = {}) =>
      client.list<EndpointCheck, PageMeta>(one(workspaceId, id, "/checks"), {
        query: { "page[number]": page, "page[size]": 20 },
        ...wait,
      }),
  };
}
