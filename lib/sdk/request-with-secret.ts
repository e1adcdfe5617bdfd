import type { Client, Single } from "./client";
import type { HttpAnswer } from "./resources";
import { base64 } from "./value-headers";

/** A request for Latchkey to make: the secret is put in there and never comes here. */
export interface SecretRequest {
  /** To a host on the secret's list of allowed hosts. */
  url: string | URL;
  /** GET unless said. */
  method?: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS";
  headers?: Record<string, string>;
  /** At most 700 KB; larger ones stream through `/outbound`. */
  body?: string | Uint8Array;
  /** False: `{{ name.field }}` in URL, headers and JSON body is sent as it is, and stands for no value of another secret. */
  templates?: boolean;
  signal?: AbortSignal;
}

/** Statuses that have no body (Fetch, "null body status"). */
const WITHOUT_BODY = new Set([101, 204, 205, 304]);

/** Has Latchkey make a request with a secret, and gives its answer as the API does. */
export function askWithSecret(
  client: Client,
  workspaceId: string,
  secretId: string,
  { url, method = "GET", headers = {}, body, templates, signal }: SecretRequest,
): Promise<Single<HttpAnswer>> {
  const sent = body === undefined ? {} : typeof body === "string" ? { body } : { body_base64: base64(body) };
  const path = `/v2/workspaces/${encodeURIComponent(workspaceId)}/secrets/${encodeURIComponent(secretId)}/request`;
  return client.single<HttpAnswer>("POST", path, {
    body: { url: String(url), method, headers, ...sent, ...(templates === undefined ? {} : { templates }) },
    signal,
  });
}

/**
 * Has Latchkey make a request with a secret.
 *
 * @returns the far side's answer of any status, the secret's value masked in it
 * @throws LatchkeyError 403 `destination_not_allowed`, 424 when the far side cannot be reached
 */
export async function requestWithSecret(
  client: Client,
  workspaceId: string,
  secretId: string,
  request: SecretRequest,
): Promise<Response> {
  const { data } = await askWithSecret(client, workspaceId, secretId, request);
  const { status, headers: answered, body: text, body_base64 } = data.attributes;
  const bytes = body_base64 === undefined ? (text ?? "") : bytesOf(body_base64);
  return new Response(WITHOUT_BODY.has(status) ? null : bytes, { status, headers: answered });
}

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
}
