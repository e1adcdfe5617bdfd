/** Words for what the audit records. Actions are `noun.verb`; one that is not listed is read out as it is. */
const WORDS: Record<string, string> = {
  "secret.create": "Added secret",
  "secret.edit": "Changed secret",
  "secret.update": "Changed secret",
  "secret.delete": "Deleted secret",
  "secret.get": "Looked at secret",
  "secret.list": "Listed secrets",
  "secret.read": "Read secret",
  "secret.use": "Read access token",
  "secret.token": "Read access token",
  "secret.reveal": "Revealed a value of",
  "secret.refresh": "Refreshed",
  "secret.refused": "Reported the token refused of",
  "secret.forget": "Forgot the tokens of",
  "secret.authorize": "Began to authorize",
  "secret.authorized": "Authorized",
  "auth_client.create": "Added auth client",
  "auth_client.edit": "Changed auth client",
  "auth_client.update": "Changed auth client",
  "auth_client.delete": "Deleted auth client",
  "task_identity.create": "Created task identity",
  "task_identity.delete": "Ended task identity",
  "api_key.create": "Created API key",
  "api_key.delete": "Deleted API key",
  "workspace.create": "Created workspace",
  "session.create": "Signed in",
  "session.delete": "Signed out",
};

/** Offered as filters; others can be reached through the address. */
export const COMMON_ACTIONS = [
  "secret.create",
  "secret.edit",
  "secret.delete",
  "secret.authorized",
  "secret.refresh",
  "secret.reveal",
  "secret.token",
  "auth_client.create",
  "auth_client.edit",
  "auth_client.delete",
] as const;

/** "Revealed a value of" for `secret.reveal`. */
export function actionWords(action: string): string {
  const known = WORDS[action];
  if (known) return known;
  const words = action.replace(/[._-]+/gu, " ").trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}
