import type { Client, RequestOptions } from "./client";
import type { Instance, MasterKey, RotationMeta } from "./resources";

/** Calls about the instance itself, for its operator. All reject with `LatchkeyError`. */
export function instanceCalls(client: Client) {
  return {
    get: (wait: Pick<RequestOptions, "signal"> = {}) => client.single<Instance>("GET", "/v2/instance", wait),
    masterKeys: (wait: Pick<RequestOptions, "signal"> = {}) =>
      client.list<MasterKey, RotationMeta>("/v2/instance/master-keys", wait),
  };
}
