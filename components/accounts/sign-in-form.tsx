"use client";

import { type FormEvent, useRef, useState } from "react";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { PasswordInput } from "@/components/ui/password-input";
import { PlainHttpWarning } from "./plain-http";
import { signInWithPassword } from "./sign-in";
import { waitWords } from "./wait-words";

/** E-mail and password. `from` is a checked path of this site to go to afterwards. */
export function SignInForm({ from }: { from: string }) {
  const form = useRef<HTMLFormElement>(null);
  const [error, setError] = useState<{ at: "email" | "password"; text: string } | null>(null);
  const [busy, setBusy] = useState(false);

  const fail = (at: "email" | "password", text: string) => {
    setError({ at, text });
    form.current?.querySelector<HTMLInputElement>(`[name="${at}"]`)?.focus();
  };
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (busy) return;
    // Read from the form, not from state: a password manager may have filled it before this page came alive.
    const values = new FormData(event.currentTarget);
    const email = String(values.get("email") ?? "").trim();
    const password = String(values.get("password") ?? "");
    if (email === "") return fail("email", "Enter your email address.");
    if (password === "") return fail("password", "Enter your password.");
    setBusy(true);
    setError(null);
    const result = await signInWithPassword(email, password);
    if (result.ok) {
      // A full load: nothing of the time before the sign-in stays in memory.
      window.location.assign(from);
      return;
    }
    setBusy(false);
    if (result.reason === "throttled") fail("password", `Too many attempts. Try again ${waitWords(result.waitS)}.`);
    else if (result.reason === "wrong") fail("password", "Email or password is wrong. Check both and try again.");
    else fail("password", "Signing in did not work because the server gave no proper answer. Try again in a moment.");
  };

  return (
    // `post`, so that a form sent before this page came alive does not put the password into the address.
    <form ref={form} className="gate-form" method="post" noValidate onSubmit={(event) => void submit(event)}>
      <PlainHttpWarning />
      <Field label="Email" error={error?.at === "email" ? error.text : null}>
        <Input name="email" type="email" autoComplete="username" autoCapitalize="none" autoFocus={true} />
      </Field>
      <Field label="Password" error={error?.at === "password" ? error.text : null}>
        <PasswordInput name="password" autoComplete="current-password" />
      </Field>
      <Button variant="primary" type="submit" busy={busy}>
        Sign in
      </Button>
    </form>
  );
}
