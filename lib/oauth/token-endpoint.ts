import * as oauth from "oauth4webapi";
import type { OAuthClient } from "@/lib/auth-clients/client";
import type { Sensitive } from "@/lib/crypto/sensitive";
import { EgressError } from "@/lib/egress/egress-error";
import { customFetch } from "@/lib/egress/safe-fetch";
import { type AuthMethod, authMethods, clientAuth } from "./client-auth";
import { type Failure, failureOfAnswer } from "./failure";
import { issuedAtMs, readTokenSet, type TokenSet } from "./token-set";
import { type Witness, witnessed } from "./witness";

/** What came of one token request. Never thrown: every outcome is a value. */
export type TokenAnswer =
  | { kind: "tokens"; tokens: TokenSet; issuedAtMs: number | null; authMethod: AuthMethod }
  | { kind: "failure"; failure: Failure };

/** Makes the request with the given client authentication; oauth4webapi's request functions have this form. */
export type TokenRequest = (auth: oauth.ClientAuth, options: oauth.TokenEndpointRequestOptions) => Promise<Response>;

/** Token answers are small; what is larger is not one (OA-10). */
const MAX_ANSWER_BYTES = 256 * 1024;

/** However slowly it comes, a token may be in it (REFRESH I2); but no connection is held for ever by one that only drips. */
const SLOWEST_ANSWER_MS = 10 * 60_000;

/**
 * Asks the token endpoint. No deadline here: a consumed refresh token may be in an answer that comes late, so whoever is
 * tired of waiting stops waiting and the answer is still read (REFRESH section 4, "send").
 *
 * When the authentication method is not known yet and the provider rejects the client, the other method is tried once.
 *
 * @param secrets values that must not appear in anything quoted
 * @param mayStillSend asked when a connection is ready, just before the request is written
 * @param witness looks on
 */
export async function askTokenEndpoint(
  client: OAuthClient,
  request: TokenRequest,
  secrets: readonly Sensitive<string>[],
  mayStillSend?: () => boolean,
  witness?: Witness,
): Promise<TokenAnswer> {
  const [first, second] = authMethods(client);
  const answer = await askOnce(client, request, first, secrets, mayStillSend, witness);
  if (second && answer.kind === "failure" && answer.failure.kind === "client")
    return askOnce(client, request, second, secrets, mayStillSend, witness);
  return answer;
}

async function askOnce(
  client: OAuthClient,
  request: TokenRequest,
  method: AuthMethod,
  secrets: readonly Sensitive<string>[],
  mayStillSend: (() => boolean) | undefined,
  witness: Witness | undefined,
): Promise<TokenAnswer> {
  const options = { maxBytes: MAX_ANSWER_BYTES, mayStillSend, slowAfterMs: SLOWEST_ANSWER_MS };
  let response: Response;
  try {
    response = await request(clientAuth(client, method), {
      // Plain http is judged by lib/egress, which allows it only where the operator named the destination.
      [oauth.allowInsecureRequests]: true,
      [oauth.customFetch]: (witness ? witnessed(options, witness) : customFetch(options)) as NonNullable<
        oauth.TokenEndpointRequestOptions[typeof oauth.customFetch]
      >,
    });
  } catch (error) {
    return { kind: "failure", failure: failureOfTransport(error) };
  }
  const text = await response.text();
  const body = parseBody(text, response.headers.get("content-type"));
  const tokens = response.ok ? readTokenSet(body) : null;
  if (tokens)
    return {
      kind: "tokens",
      tokens,
      issuedAtMs: issuedAtMs(response.headers.get("date"), tokens.accessToken),
      authMethod: method,
    };
  const known = client.clientSecret ? [...secrets, client.clientSecret] : secrets;
  return {
    kind: "failure",
    failure: failureOfAnswer({
      status: response.status,
      retryAfter: response.headers.get("retry-after"),
      body,
      secrets: known.map((secret) => secret.reveal()),
    }),
  };
}

/** JSON, or the form encoding some servers still answer with; undefined when it is neither. */
function parseBody(text: string, type: string | null): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not JSON: HTML, half an answer, or a form.
  }
  if (/^application\/x-www-form-urlencoded\b/i.test(type ?? "") || /^access_token=[^&\s]+(&\w+=[^&\s]*)*$/.test(text))
    return Object.fromEntries(new URLSearchParams(text));
  return undefined;
}

function failureOfTransport(error: unknown): Failure {
  const nothing = { oauthError: null, said: null, retryAfterMs: null, status: null };
  if (!(error instanceof EgressError)) throw error; // not the network: a fault of ours, which nobody should take for the provider's
  switch (error.kind) {
    case "blocked":
      return {
        ...nothing,
        kind: "not_sent",
        code: "egress_blocked",
        detail:
          "The token endpoint could not be reached. If it is on a private network, an administrator must allow it in LATCHKEY_EGRESS_ALLOW.",
      };
    case "not_sent":
      return {
        ...nothing,
        kind: "not_sent",
        code: "provider_unreachable",
        detail: "The token endpoint could not be reached.",
      };
    case "unknown":
      return {
        ...nothing,
        kind: "unknown",
        code: "provider_failing",
        detail: "The provider did not give a complete answer.",
      };
    default:
      return {
        ...nothing,
        kind: "unknown",
        code: "provider_failing",
        detail: "The provider's answer could not be read: it is too large, too slow or garbled.",
      };
  }
}
