/** How a failed authorization is told and cured; the title and detail are the server's, these are the steps. `{provider}` is the client's name. */
export interface FailureWords {
  /** When the server gives no title of its own. */
  title: string;
  /** What to do, in order; the redirect URI to copy is shown first where `uri`. */
  steps: { title: string; text: string }[];
  uri: boolean;
  /** What leads on. */
  next: "retry" | "client" | "edit" | "list";
}

const retry = { title: "Come back and try again", text: "The secret is kept as you saved it." };
const startAgain = (why: string): FailureWords["steps"] => [{ title: "Start again from here", text: why }];

export const FAILURES: Readonly<Record<string, FailureWords>> = {
  access_denied: {
    title: "You declined access",
    steps: [
      {
        title: "Try again and allow it",
        text: "Choose the account that may grant this access. If the provider refused by itself, an administrator there must approve the application first.",
      },
    ],
    uri: false,
    next: "retry",
  },
  redirect_uri_mismatch: {
    title: "The redirect URI is not registered",
    steps: [
      {
        title: "Add it in {provider}’s developer portal",
        text: "In the settings of the application, under redirect or callback URLs. Someone who may edit that application must do it.",
      },
      retry,
    ],
    uri: true,
    next: "retry",
  },
  invalid_client: {
    title: "This client secret is wrong",
    steps: [
      {
        title: "Look up ID and secret at the provider",
        text: "In the developer portal of {provider}. A secret may have expired or been renewed there.",
      },
      {
        title: "Replace it in the auth client",
        text: "Open the client here, choose Replace and paste the new secret.",
      },
      retry,
    ],
    uri: false,
    next: "client",
  },
  invalid_scope: {
    title: "The provider does not know a scope",
    steps: [
      {
        title: "Correct the scopes",
        text: "Compare them with the provider’s documentation; the application there may have to be allowed to ask for them.",
      },
      retry,
    ],
    uri: false,
    next: "edit",
  },
  state_unknown: {
    title: "This answer belongs to no request",
    steps: startAgain("It may come from an old tab, or was not started here at all. Nothing was changed."),
    uri: false,
    next: "retry",
  },
  state_used: {
    title: "This link was used already",
    steps: startAgain(
      "Each sign-in at the provider counts once. If the secret is authorized by now, there is nothing left to do.",
    ),
    uri: false,
    next: "retry",
  },
  state_expired: {
    title: "It took too long",
    steps: startAgain("A sign-in at the provider must be finished within 10 minutes."),
    uri: false,
    next: "retry",
  },
  other_browser: {
    title: "It was started in another browser",
    steps: startAgain("Start and finish in the same browser, so that nobody can slip in an account of theirs."),
    uri: false,
    next: "retry",
  },
  other_person: {
    title: "Somebody else started this",
    steps: startAgain("Who starts must be who finishes. Start it yourself, or let the other person finish."),
    uri: false,
    next: "retry",
  },
  client_changed: {
    title: "The auth client was changed meanwhile",
    steps: startAgain("The request was made with the old settings. A new one uses the new ones."),
    uri: false,
    next: "retry",
  },
  issuer_mismatch: {
    title: "The answer came from another provider",
    steps: [
      {
        title: "Check the issuer of the auth client",
        text: "It must be exactly the one the provider publishes. If it is right, do not go on, and tell whoever runs this server.",
      },
    ],
    uri: false,
    next: "client",
  },
  code_missing: {
    title: "The provider sent no code",
    steps: startAgain("Its answer held neither a code nor an error."),
    uri: false,
    next: "retry",
  },
  code_refused: {
    title: "The provider refused its own code",
    steps: startAgain(
      "Codes live for a short time and count once. If it happens again, look at the token endpoint and its authentication in the auth client.",
    ),
    uri: false,
    next: "retry",
  },
  provider_failed: {
    title: "The provider failed",
    steps: startAgain("It had a fault of its own. Wait a moment; nothing was changed here."),
    uri: false,
    next: "retry",
  },
  egress_blocked: {
    title: "Latchkey may not reach the provider",
    steps: [
      {
        title: "Let an operator allow the address",
        text: "The token endpoint is not among the addresses this server may call (LATCHKEY_EGRESS_ALLOW).",
      },
      retry,
    ],
    uri: false,
    next: "client",
  },
  no_access_token: {
    title: "The provider sent no access token",
    steps: startAgain("Its answer was understood but held no token. Check the token endpoint of the auth client."),
    uri: false,
    next: "retry",
  },
  secret_gone: {
    title: "This secret is not here any more",
    steps: [],
    uri: false,
    next: "list",
  },
};

export const UNKNOWN_FAILURE: FailureWords = {
  title: "It was not authorized",
  steps: startAgain("Nothing was changed."),
  uri: false,
  next: "retry",
};

/** The words for a code, with the provider's name put in. */
export function failureWords(code: string | undefined, provider: string): FailureWords {
  const found = (code !== undefined && FAILURES[code]) || UNKNOWN_FAILURE;
  const put = (text: string) => text.replaceAll("{provider}", provider);
  return { ...found, steps: found.steps.map((step) => ({ title: put(step.title), text: put(step.text) })) };
}
