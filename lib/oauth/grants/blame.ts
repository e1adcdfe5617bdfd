import type { OAuthClient } from "@/lib/auth-clients/client";
import type { TokenAnswer } from "../token-endpoint";

/**
 * Who is at fault when a request is refused that holds nothing but the client: the client, until this version of it was
 * accepted once; then what this secret asks for, and no other secret suffers.
 */
export function blamedOnClient(client: OAuthClient, answer: TokenAnswer): TokenAnswer {
  if (answer.kind === "tokens" || answer.failure.kind !== "refused" || client.proven) return answer;
  return { kind: "failure", failure: { ...answer.failure, kind: "client", code: "client_rejected" } };
}

/**
 * Who is at fault when a request with a user name and password is refused: those. Many such endpoints say so with a bare 400
 * or 401, which elsewhere would be the client's; where the client proves itself too, its own rejection stays the client's.
 */
export function blamedOnSecret(client: OAuthClient, answer: TokenAnswer): TokenAnswer {
  if (answer.kind === "tokens") return answer;
  const { failure } = answer;
  const bare =
    failure.kind === "client" && failure.oauthError === null && (client.clientSecret === null || client.proven);
  if (failure.kind !== "refused" && !bare) return answer;
  const detail = bare ? `The provider answered ${failure.status}.` : failure.detail;
  return { kind: "failure", failure: { ...failure, kind: "refused", code: "grant_refused", detail } };
}
