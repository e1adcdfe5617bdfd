import type { AuthSecret } from "@/lib/sdk/resources";
import { needsBrowser } from "@/lib/secret-types/oauth2";

/** What ends a secret's trouble: a person grants access, or somebody mends the secret or the client. Null: nothing to do, or nothing a person can do. */
export type Cure =
  | { kind: "authorize"; label: "Authorize" | "Authorize again" }
  | { kind: "client"; label: string }
  | { kind: "edit"; label: string };

/** Whether Latchkey asks for its tokens without anybody in a browser. */
export function asksByItself(secret: AuthSecret): boolean {
  const { grant_type } = secret.attributes;
  return grant_type !== null && !needsBrowser(grant_type);
}

export function cureOf(secret: AuthSecret): Cure | null {
  const { status, problem } = secret.attributes;
  if (asksByItself(secret) && (status === "reauthorization_needed" || (status === "paused" && problem?.who === "you")))
    return { kind: "edit", label: "Edit secret" };
  if (status === "unauthorized") return { kind: "authorize", label: "Authorize" };
  if (status === "reauthorization_needed") return { kind: "authorize", label: "Authorize again" };
  if (status === "paused" && problem && problem.who !== "provider" && secret.relationships?.auth_client?.data)
    return { kind: "client", label: "Open client" };
  return null;
}

/** What authorizing is called for a secret in this state. */
export function authorizeWord(secret: AuthSecret): "Authorize" | "Authorize again" {
  return secret.attributes.status === "unauthorized" ? "Authorize" : "Authorize again";
}

/** Who has to act, in words. `client` is the name of the auth client. */
export function whoWords(who: "you" | "admin" | "provider", client: string | null, byItself = false): string {
  if (who === "you" && !byItself)
    return client
      ? `Anyone with an account at ${client} that may grant this access.`
      : "You, or anyone who may edit it.";
  if (who === "you") return "You, or anyone who may edit this secret.";
  if (who === "admin")
    return client ? `Whoever looks after the auth client ${client}.` : "Whoever looks after this installation.";
  return "The provider. Latchkey goes on trying by itself.";
}
