import { signIn } from "next-auth/react";

export type SignInResult =
  | { ok: true }
  | { ok: false; reason: "wrong" | "failed" }
  | { ok: false; reason: "throttled"; waitS: number | null };

/**
 * Signs in with e-mail and password through next-auth; the session cookie is set by the answer. A throttled attempt arrives as the error
 * `throttled` or `throttled:<seconds>`. Whether the account exists is not told. Never rejects.
 */
export async function signInWithPassword(email: string, password: string): Promise<SignInResult> {
  try {
    const answer = await signIn("credentials", { redirect: false, email, password });
    if (answer?.ok && !answer.error) return { ok: true };
    const throttled = /^throttled(?::(\d+))?$/u.exec(answer?.error ?? "");
    if (throttled || answer?.status === 429)
      return { ok: false, reason: "throttled", waitS: throttled?.[1] ? Number(throttled[1]) : null };
    // next-auth says `CredentialsSignin` for wrong ones; anything else is trouble of the server.
    if (answer?.error === "CredentialsSignin") return { ok: false, reason: "wrong" };
    return { ok: false, reason: "failed" };
  } catch {
    // No answer or one that is not next-auth's: the form says so, the password is kept in it for another try.
    return { ok: false, reason: "failed" };
  }
}
