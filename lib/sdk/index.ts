import { accountCalls } from "./accounts";
import { authClientCalls } from "./auth-clients";
import { type ClientOptions, createClient } from "./client";
import { endpointCalls } from "./endpoints";
import { instanceCalls } from "./instance";
import { peopleCalls } from "./people";
import { secretCalls } from "./secrets";
import { webhookCalls } from "./webhooks";
import { workspaceCalls } from "./workspaces";

export type Latchkey = ReturnType<typeof latchkey>;

/** Everything of the API for one server and one caller: `latchkey({ baseUrl, auth }).secrets.token(workspace, secret)`. */
export function latchkey(options: ClientOptions) {
  const client = createClient(options);
  return {
    client,
    secrets: secretCalls(client),
    authClients: authClientCalls(client),
    endpoints: endpointCalls(client),
    workspaces: workspaceCalls(client),
    webhooks: webhookCalls(client),
    account: accountCalls(client),
    people: peopleCalls(client),
    instance: instanceCalls(client),
  };
}

export type { NewApiKey } from "./accounts";
export type { ClientScope } from "./auth-clients";
export { visibilityOf } from "./auth-clients";
export type { Client, ClientOptions, List, PageMeta, Resource, Single } from "./client";
export { createLatchkey, type LatchkeyOptions, type LatchkeySteps, type TokenOptions } from "./create-latchkey";
export type { EndpointChange, NewEndpoint } from "./endpoints";
export { type ErrorItem, LatchkeyError } from "./errors";
export { UnknownSecretError } from "./find-secret";
export type { SecretRequest } from "./request-with-secret";
export type * from "./resources";
export type {
  JwtOrder,
  JwtWanted,
  NewSecret,
  SecretChange,
  SecretFilter,
  SecretListMeta,
  SecretListQuery,
} from "./secrets";
export type { SqlOptions, SqlParameter, SqlResult } from "./sql";
export type { NewWebhook, WebhookChange } from "./webhooks";
export { type SecretUse, type SendWithToken, withSecret } from "./with-secret";
