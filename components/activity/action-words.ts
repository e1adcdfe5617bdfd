import type { Activity } from "@/lib/sdk/resources";

/** Words for what the audit records. Actions are `noun.verb` or one word; what is not listed is read out as it is. */

const WHOLE: Record<string, string> = {
  sign_in: "Signed in",
  sign_in_failed: "Tried to sign in",
  sign_out: "Signed out",
  "session.end": "Ended a session",
  "password.change": "Changed the password",
  "password.reset": "Set a new password",
  "reset_link.issue": "Made a password reset link",
  "secret.authorize": "Began to authorize secret",
  "secret.authorized": "Authorized secret",
  "secret.requested": "Made a request with secret",
  "secret.reflected": "Got back, masked, the value of secret",
  "secret.destinations_changed": "Changed the allowed hosts of secret",
  "secret.answered": "Was answered the values of secret",
  "secret.signed": "Signed a token with secret",
  "secret.verified": "Verified a token with secret",
  "secret.encrypted": "Encrypted for secret",
  "secret.decrypted": "Decrypted with secret",
  "secret.key_rotated": "Rotated the key of secret",
  "secret.key_retired": "Retired an earlier key of secret",
  "endpoint.opened": "Let a request pass at endpoint",
  "endpoint.refused": "Refused a request at endpoint",
  "endpoint.failed": "Could not judge a request at endpoint",
  "endpoint.access_opened": "Opened to everybody the endpoint",
  "endpoint.access_closed": "Ended the open access of endpoint",
  "key.create": "Made a key for",
  "key.rewrap": "Wrapped anew the key of",
  "key.open": "Opened the keys with",
  "egress.allow": "Changed what outgoing calls may reach,",
  "audit.retention": "Ended a month of the activity,",
  "webhook.switched_off": "Switched off, because nothing arrived, webhook",
  "webhook.signing_secret_rotated": "Made a new signing secret for webhook",
  "webhook.tested": "Sent a test to webhook",
  "webhook.redelivered": "Delivered a message again to webhook",
  "api_key.expose": "Ended an API key that was sent in a URL",
};

const NOUNS: Record<string, string> = {
  secret: "secret",
  auth_secret: "secret",
  auth_client: "auth client",
  api_key: "API key",
  task_identity: "task identity",
  webhook: "webhook",
  task_identitie: "task identity",
};

const VERBS: Record<string, (noun: string) => string> = {
  create: (noun) => `Added ${noun}`,
  edit: (noun) => `Changed ${noun}`,
  update: (noun) => `Changed ${noun}`,
  delete: (noun) => `Deleted ${noun}`,
  get: (noun) => `Looked at ${noun}`,
  list: (noun) => `Listed ${noun}s`,
  get_credentials: (noun) => `Read the credentials of ${noun}`,
  read: (noun) => `Read ${noun}`,
  use: (noun) => `Used ${noun}`,
  token: (noun) => `Read the access token of ${noun}`,
  reveal: (noun) => `Revealed a value of ${noun}`,
  refresh: (noun) => `Refreshed ${noun}`,
  refuse: (noun) => `Reported a refused token of ${noun}`,
  forget: (noun) => `Forgot the tokens of ${noun}`,
  wrong_address: (noun) => `Refused from a foreign address: ${noun}`,
};

/** `created` and `revealed` mean the same act as `create` and `reveal`. */
function stem(verb: string): string {
  if (verb in VERBS) return verb;
  const shorter = [verb.replace(/d$/u, ""), verb.replace(/ed$/u, ""), verb.replace(/ten$/u, "")];
  return shorter.find((candidate) => candidate in VERBS || candidate === "issue" || candidate === "expose") ?? verb;
}

/** "Revealed a value of secret" for `secret.reveal`; the target's name goes after it. */
export function actionWords(action: string): string {
  const parts = action.split(".");
  const verb = stem(parts.at(-1) ?? "");
  const raw = (parts.at(-2) ?? "").replace(/s$/u, "");
  const known = WHOLE[action] ?? WHOLE[`${raw}.${verb}`] ?? VERBS[verb]?.(NOUNS[raw] ?? raw.replace(/_/gu, " "));
  if (known && parts.length <= 3) return known.trim();
  const words = action.replace(/[._-]+/gu, " ").trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** What was done, and to what: `["Revealed a value of secret", "Salesforce"]`. Many at once are named by their number alone. */
export function deed(action: string, target: Activity["attributes"]["target"]): [string, string | null] {
  const words = actionWords(action);
  const name = target?.name ?? null;
  const many = target?.id === null ? /^\d+ (.+)s$/u.exec(name ?? "")?.[1] : undefined;
  return [many && words.endsWith(` ${many}`) ? words.slice(0, -many.length - 1) : words, name];
}
