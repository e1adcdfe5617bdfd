/** The part of oidc-provider that tests use; the package has no types of its own. */
declare module "oidc-provider" {
  import type { IncomingMessage, ServerResponse } from "node:http";

  export default class Provider {
    constructor(issuer: string, configuration: Record<string, unknown>);
    callback(): (request: IncomingMessage, response: ServerResponse) => void;
    on(event: "grant.success", listener: () => void): void;
    readonly ClientCredentials: {
      find(token: string): Promise<{ clientId: string; scope?: string } | undefined>;
    };
  }
}
