"use client";

import { type FormEvent, useEffect, useState } from "react";
import { api } from "@/components/frame/api";
import { Dialog } from "@/components/ui/dialog";
import { Field } from "@/components/ui/field";
import { FormFoot } from "@/components/ui/form-foot";
import { PasswordInput } from "@/components/ui/password-input";
import { LatchkeyError } from "@/lib/sdk/errors";
import { waitWords } from "./wait-words";

/** The person closed the question; the action was not done. Its message is fit to show, but silence is better. */
export class ReauthCancelled extends Error {
  constructor() {
    super("The password was not given, so nothing was done.");
    this.name = "ReauthCancelled";
  }
}

/** Set by the mounted `ReauthDialog`: asks for the password; true once it was proven. */
let ask: (() => Promise<boolean>) | null = null;

/**
 * Runs an action; when the server says the sign-in is too old (`reauth_required`), asks for the password and runs it once more.
 * Rejects with `ReauthCancelled` when the person gives up, else with whatever the action rejects with.
 */
export async function withReauth<T>(action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (!(error instanceof LatchkeyError) || error.code !== "reauth_required" || !ask) throw error;
    if (!(await ask())) throw new ReauthCancelled();
    return await action();
  }
}

/** The question behind `withReauth`; mounted once by the console's frame. */
export function ReauthDialog() {
  const [answer, setAnswer] = useState<((proven: boolean) => void) | null>(null);
  const [password, setPassword] = useState("");
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);

  useEffect(() => {
    ask = () =>
      new Promise<boolean>((resolve) => {
        setPassword("");
        setError(null);
        setAnswer(() => resolve);
      });
    return () => {
      ask = null;
    };
  }, []);

  const finish = (proven: boolean) => {
    answer?.(proven);
    setAnswer(null);
    setPassword("");
  };
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (busy) return;
    if (password === "") return setError("Enter your password.");
    setBusy(true);
    setError(null);
    try {
      await api.account.reauthenticate(password);
      finish(true);
    } catch (caught) {
      if (!(caught instanceof LatchkeyError)) throw caught;
      if (caught.status === 429) setError(`Too many attempts. Try again ${waitWords(caught.retryAfterS)}.`);
      else if (caught.status === 0 || caught.status >= 500) setError(caught.message);
      else setError("This password is wrong.");
    } finally {
      setBusy(false);
    }
  };

  return (
    <Dialog
      size="sm"
      open={answer !== null}
      onOpenChange={(open) => {
        if (!open) finish(false);
      }}
      title="Your password, please"
      sub="You signed in a while ago. This makes sure it is still you."
      busy={busy}
      onSubmit={(event) => void submit(event)}
      foot={<FormFoot submit="Continue" busy={busy} onCancel={() => finish(false)} />}
    >
      <Field label="Password" error={error}>
        <PasswordInput
          autoComplete="current-password"
          value={password}
          onChange={(event) => setPassword(event.target.value)}
        />
      </Field>
    </Dialog>
  );
}
