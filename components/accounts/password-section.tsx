"use client";

import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api } from "@/components/frame/api";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Field } from "@/components/ui/field";
import { FormFoot } from "@/components/ui/form-foot";
import { PasswordInput } from "@/components/ui/password-input";
import { sortErrors } from "@/components/ui/server-errors";
import { useToast } from "@/components/ui/toast";
import { LatchkeyError } from "@/lib/sdk/errors";
import { NewPasswordField } from "./new-password-field";
import { MAX_PASSWORD, MIN_PASSWORD } from "./password-strength";
import { Section } from "./section";
import { waitWords } from "./wait-words";

type Name = "current" | "password";

/** Changing one's password; other sessions end with it. */
export function PasswordSection({ email }: { email: string }) {
  const toast = useToast();
  const queries = useQueryClient();
  const [open, setOpen] = useState(false);
  const [busy, setBusy] = useState(false);
  const [errors, setErrors] = useState<{ fields: Partial<Record<Name, string>>; rest: string | null }>({
    fields: {},
    rest: null,
  });

  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (busy) return;
    const values = new FormData(event.currentTarget);
    const current = String(values.get("current") ?? "");
    const password = String(values.get("password") ?? "");
    const length = [...password].length;
    const fields: Partial<Record<Name, string>> = {};
    if (current === "") fields.current = "Enter the password you have now.";
    if (length < MIN_PASSWORD) fields.password = `Use at least ${MIN_PASSWORD} characters.`;
    else if (length > MAX_PASSWORD) fields.password = `Use at most ${MAX_PASSWORD} characters.`;
    else if (password === current) fields.password = "This is the password you have now.";
    setErrors({ fields, rest: null });
    if (Object.keys(fields).length > 0) return;
    setBusy(true);
    try {
      await api.account.changePassword(current, password);
      setOpen(false);
      toast({ title: "Password changed. Other sessions were ended." });
      await queries.invalidateQueries({ queryKey: ["me", "sessions"] });
    } catch (error) {
      if (error instanceof LatchkeyError && error.status === 429)
        setErrors({ fields: { current: `Too many attempts. Try again ${waitWords(error.retryAfterS)}.` }, rest: null });
      else if (error instanceof LatchkeyError && error.status === 403 && error.code !== "bad_origin")
        setErrors({ fields: { current: "This is not your present password." }, rest: null });
      else setErrors(sortErrors(error, { "/current": "current", "/password": "password" }));
    } finally {
      setBusy(false);
    }
  };

  return (
    <Section
      title="Password"
      text="Changing it ends your other sessions. API keys go on working."
      action={<Button onClick={() => setOpen(true)}>Change password</Button>}
    >
      <Dialog
        size="sm"
        open={open}
        onOpenChange={(next) => {
          setOpen(next);
          setErrors({ fields: {}, rest: null });
        }}
        title="Change password"
        busy={busy}
        error={errors.rest}
        onSubmit={(event) => void submit(event)}
        foot={<FormFoot submit="Change password" busy={busy} onCancel={() => setOpen(false)} />}
      >
        <input type="hidden" name="username" autoComplete="username" value={email} readOnly />
        <Field label="Present password" error={errors.fields.current}>
          <PasswordInput name="current" autoComplete="current-password" />
        </Field>
        <NewPasswordField label="New password" error={errors.fields.password} known={[email]} />
      </Dialog>
    </Section>
  );
}
