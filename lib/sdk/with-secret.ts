import type { Token } from "./resources";
import type { secretCalls } from "./secrets";

/** Which secret, and how fresh its token has to be. */
export interface SecretUse {
  workspaceId: string;
  secretId: string;
  /** Seconds the token must still live when it is handed out; 30 by default. */
  minimumValidity?: number;
  /** Seconds to wait for a fresher one, at most 25; the server's 8 by default. */
  wait?: number;
  /** The request cannot be made twice: a 401 is reported and answered as it is, and the next request has a newer token. */
  once?: boolean;
}

/** One request to the third party. It may be called twice, so it makes what it sends (a body above all) anew each time. */
export type SendWithToken = (accessToken: string, token: Token["attributes"]) => Promise<Response>;

const DEFAULT_VALIDITY_S = 30;

/**
 * Calls a third party with the secret's access token. When it answers 401, the token's fingerprint is reported to Latchkey
 * (`POST …/refused`), which answers a newer token: at once if there is one, else after the one refresh that all who report the
 * same token share. With that the request is made once more, and whatever is answered then is the answer.
 *
 * @param secrets `latchkey(…).secrets`
 * @returns the third party's answer of any status; a 401 only after a newer token was refused too
 * @throws LatchkeyError when there is no token to be had, before or after the 401: 409 with `problem` when a person must act,
 * 424 with `retryAfterS` when the provider is at fault. What `send` throws passes unchanged.
 */
export async function withSecret(
  secrets: Pick<ReturnType<typeof secretCalls>, "token" | "refused">,
  use: SecretUse,
  send: SendWithToken,
): Promise<Response> {
  const { workspaceId, secretId, minimumValidity = DEFAULT_VALIDITY_S, wait, once = false } = use;
  const { attributes: token } = (await secrets.token(workspaceId, secretId, { minimumValidity, wait })).data;
  const answer = await send(token.access_token, token);
  if (answer.status !== 401) return answer;
  // Nobody will read it; left open, it would hold its connection.
  if (!once) await answer.body?.cancel();
  const { attributes: newer } = (await secrets.refused(workspaceId, secretId, token.fingerprint)).data;
  if (once) return answer;
  return send(newer.access_token, newer);
}

/** Whether a body can be sent a second time: a stream is spent by the first. */
export function isResendable(body: RequestInit["body"]): boolean {
  return !(typeof ReadableStream === "function" && body instanceof ReadableStream) && !isAsyncIterable(body);
}

function isAsyncIterable(body: unknown): boolean {
  return typeof body === "object" && body !== null && Symbol.asyncIterator in body;
}
