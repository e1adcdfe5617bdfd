import type { Failure } from "./failure";

/** Everything that can go wrong on the way back from a provider, in plain words: what happened, who must act, what to change. */

export type CallbackCode =
  | "access_denied"
  | "redirect_uri_mismatch"
  | "invalid_client"
  | "invalid_scope"
  | "state_unknown"
  | "state_used"
  | "state_expired"
  | "other_browser"
  | "other_session"
  | "other_person"
  | "not_signed_in"
  | "other_context"
  | "client_changed"
  | "issuer_mismatch"
  | "code_missing"
  | "code_refused"
  | "provider_failed"
  | "provider_busy"
  | "egress_blocked"
  | "no_access_token"
  | "secret_gone"
  | "forbidden"
  | "link_expired"
  | "not_oauth2";

export interface CallbackFailure {
  code: CallbackCode;
  title: string;
  detail: string;
  who: "you" | "admin" | "provider";
  /** What to do now, one sentence. */
  cure: string;
  provider_said: string | null;
  at: string;
}

type Words = Pick<CallbackFailure, "title" | "detail" | "who" | "cure">;

const WORDS: Record<CallbackCode, Words> = {
  access_denied: {
    title: "You declined access",
    detail:
      "The provider says that access was not granted. Cancel or Deny was pressed there, or your account may not grant it.",
    who: "you",
    cure: "Try again and allow access, or ask someone whose account may grant it.",
  },
  redirect_uri_mismatch: {
    title: "The redirect URI is not registered at the provider",
    detail: "The provider only sends people back to addresses that were registered there, compared to the letter.",
    who: "admin",
    cure: "Register exactly this redirect URI in the provider's developer portal, then try again.",
  },
  invalid_client: {
    title: "The provider rejects the auth client",
    detail: "The client ID, the client secret or the way of sending them is wrong.",
    who: "admin",
    cure: "Compare client ID and client secret with the provider's developer portal, correct the auth client, then try again.",
  },
  invalid_scope: {
    title: "The provider does not accept the scopes",
    detail: "At least one of the requested scopes does not exist there, or this client may not ask for it.",
    who: "you",
    cure: "Edit the scopes of this secret, or allow them for the client in the provider's developer portal, then try again.",
  },
  state_unknown: {
    title: "This answer belongs to no request of ours",
    detail: "The link back from the provider carries no request that was started here, or more than one.",
    who: "you",
    cure: "Start again from the secret.",
  },
  state_used: {
    title: "This link was used already",
    detail: "Each authorization can be completed once. Going back or reloading the page sends the same answer again.",
    who: "you",
    cure: "If the secret shows as authorized, all is well. Otherwise start again.",
  },
  state_expired: {
    title: "This took too long",
    detail: "An authorization must be completed within ten minutes of being started.",
    who: "you",
    cure: "Start again.",
  },
  other_browser: {
    title: "This was started in another browser",
    detail:
      "Whoever starts an authorization must finish it in the same browser, so that nobody can be made to connect somebody else's account.",
    who: "you",
    cure: "Start again in this browser. If you did not start anything, close this page.",
  },
  other_session: {
    title: "You signed in again meanwhile",
    detail: "An authorization must be finished in the session it was started in; signing in begins another one.",
    who: "you",
    cure: "Start again from the secret.",
  },
  other_person: {
    title: "This was started by another person",
    detail: "Whoever starts an authorization must finish it.",
    who: "you",
    cure: "Start again as yourself.",
  },
  not_signed_in: {
    title: "You are not signed in",
    detail: "Your session ended while you were at the provider, so nothing was stored.",
    who: "you",
    cure: "Sign in and start again from the secret.",
  },
  other_context: {
    title: "This answer came to the wrong address",
    detail: "The provider sent it to the redirect URI of another secret or client. Nothing was redeemed.",
    who: "admin",
    cure: "Check that each redirect URI is registered at the provider only where it belongs, then start again.",
  },
  client_changed: {
    title: "The auth client was changed meanwhile",
    detail: "It was edited between the start of this authorization and its end, so the answer may not fit any more.",
    who: "you",
    cure: "Start again.",
  },
  issuer_mismatch: {
    title: "The answer comes from another provider",
    detail: "The provider's name in the answer is not the one this client is set up for. Nothing was redeemed.",
    who: "admin",
    cure: "Check the issuer of the auth client.",
  },
  code_missing: {
    title: "The provider sent no code",
    detail: "The answer holds neither a code nor an error, or one of them twice.",
    who: "provider",
    cure: "Start again. If it stays so, check the authorization endpoint of the auth client.",
  },
  code_refused: {
    title: "The provider refused the code",
    detail: "It does not accept the code it gave: it was used or lapsed, or the redirect URI or PKCE do not fit.",
    who: "you",
    cure: "Start again. If it stays so, check the auth client's token endpoint and PKCE setting.",
  },
  provider_failed: {
    title: "The provider failed",
    detail: "It did not give a usable answer.",
    who: "provider",
    cure: "Wait a moment and try again.",
  },
  provider_busy: {
    title: "Too many wait for this provider",
    detail: "So many authorizations wait for its answer just now that no more are begun. Nothing was used up.",
    who: "provider",
    cure: "Wait a moment and load the page you came back to again, or start again from the secret.",
  },
  egress_blocked: {
    title: "The token endpoint's address is not allowed",
    detail: "It could not be reached. Addresses on private networks are refused unless an administrator allows them.",
    who: "admin",
    cure: "Correct the token endpoint, or allow its address in LATCHKEY_EGRESS_ALLOW.",
  },
  no_access_token: {
    title: "The provider sent no access token",
    detail: "Its answer was positive but held no access token.",
    who: "provider",
    cure: "Check the token endpoint of the auth client, then try again.",
  },
  secret_gone: {
    title: "This secret does not exist any more",
    detail: "It was deleted, or you have no access to it.",
    who: "you",
    cure: "Go back to your secrets.",
  },
  forbidden: {
    title: "You may not authorize this secret",
    detail: "That needs the permission workspaces.auth_secret.edit in its workspace.",
    who: "admin",
    cure: "Ask an administrator of the workspace.",
  },
  link_expired: {
    title: "This authorization link has expired",
    detail: "Links are good for ten minutes after they were made.",
    who: "you",
    cure: "Start again from the secret.",
  },
  not_oauth2: {
    title: "There is nothing to authorize",
    detail: "Only OAuth2 secrets with an authorization endpoint are authorized in the browser.",
    who: "admin",
    cure: "Go back to your secrets.",
  },
};

export function callbackFailure(code: CallbackCode, atMs: number, said: string | null = null): CallbackFailure {
  return { code, ...WORDS[code], provider_said: said, at: new Date(atMs).toISOString() };
}

/** The provider's `error` in the callback (RFC 6749 section 4.1.2.1, OpenID Connect Core 3.1.2.6). */
export function codeOfCallbackError(error: string): CallbackCode {
  switch (error) {
    case "access_denied":
    case "consent_required":
    case "interaction_required":
    case "login_required":
    case "account_selection_required":
      return "access_denied";
    case "redirect_uri_mismatch":
    case "invalid_redirect_uri":
      return "redirect_uri_mismatch";
    case "unauthorized_client":
    case "invalid_client":
      return "invalid_client";
    case "invalid_scope":
    case "invalid_target":
      return "invalid_scope";
    default:
      return "provider_failed";
  }
}

/** A failed code exchange. */
export function codeOfExchangeFailure(failure: Failure): CallbackCode {
  if (failure.code === "egress_blocked") return "egress_blocked";
  if (failure.kind === "client") return "invalid_client";
  if (failure.ownFault) return "invalid_scope";
  if (failure.oauthError === "redirect_uri_mismatch") return "redirect_uri_mismatch";
  if (failure.kind === "refused") return "code_refused";
  if (failure.kind === "unknown" && failure.status !== null && failure.status < 300) return "no_access_token";
  return "provider_failed";
}

export function isCallbackCode(text: string): text is CallbackCode {
  return Object.hasOwn(WORDS, text);
}
