/** Steps of the cure where one sentence is not enough, and what leads on. Title, detail and cure come from the server. */
export interface FailureSteps {
  /** The redirect URI is shown first, to be copied. */
  uri: boolean;
  steps: { title: string; text: string }[];
  next: "retry" | "client" | "edit" | "none";
}

const back = { title: "Come back and try again", text: "The secret is kept as you saved it." };

const STEPS: Readonly<Record<string, FailureSteps>> = {
  redirect_uri_mismatch: {
    uri: true,
    steps: [
      {
        title: "Add it in {provider}’s developer portal",
        text: "In the settings of the application, under redirect or callback URLs. Someone who may edit that application must do it.",
      },
      back,
    ],
    next: "retry",
  },
  invalid_client: {
    uri: false,
    steps: [
      {
        title: "Look up ID and secret at the provider",
        text: "In the developer portal of {provider}. A secret may have expired or been renewed there.",
      },
      {
        title: "Replace it in the auth client",
        text: "Open the client here, choose Replace and paste the new secret. Another client ID needs a new client.",
      },
      back,
    ],
    next: "client",
  },
  invalid_scope: {
    uri: false,
    steps: [
      {
        title: "Correct the scopes",
        text: "Compare them with the provider’s documentation. Some must first be allowed for the application there.",
      },
      back,
    ],
    next: "edit",
  },
  egress_blocked: {
    uri: false,
    steps: [
      {
        title: "Let the address be allowed, or correct it",
        text: "Whoever runs this server lists it in LATCHKEY_EGRESS_ALLOW. A wrong endpoint needs a new auth client.",
      },
      back,
    ],
    next: "client",
  },
  issuer_mismatch: { uri: false, steps: [], next: "client" },
  no_access_token: { uri: false, steps: [], next: "client" },
  other_context: { uri: true, steps: [], next: "retry" },
  secret_gone: { uri: false, steps: [], next: "none" },
  not_oauth2: { uri: false, steps: [], next: "none" },
  forbidden: { uri: false, steps: [], next: "none" },
};

/** The steps for a code, with the provider's name put in; where one sentence is enough, only the way on. */
export function failureSteps(code: string, provider: string): FailureSteps {
  const found = STEPS[code] ?? { uri: false, steps: [], next: "retry" };
  const put = (text: string) => text.replaceAll("{provider}", provider);
  return { ...found, steps: found.steps.map((step) => ({ title: put(step.title), text: put(step.text) })) };
}
