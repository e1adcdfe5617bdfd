import type { CallbackFailure } from "./callback-failure";

/** The page that tells a failed authorization: the secret's own, or a general one when it is not known whose it was. */
export function failurePath(
  failure: CallbackFailure,
  secret: { workspaceId: string; secretId: string } | null,
): string {
  const reason = `reason=${failure.code}`;
  return secret
    ? `/workspaces/${secret.workspaceId}/secrets/${secret.secretId}/failed?${reason}`
    : `/connect-failed?${reason}`;
}
