import { settings } from "@/lib/config";

export { previewSecretName, releaseSecretName, reserveSecretName } from "./redirect-name-store";

/** The whole redirect URI; from settings, never from a Host header (OA-8). */
export function redirectUri(secretName: string): string {
  return `${settings().url}/api/oauth/callback/${secretName}`;
}
