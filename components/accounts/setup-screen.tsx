"use client";

import Link from "next/link";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { api } from "@/components/frame/api";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { FieldError } from "@/components/ui/field-error";
import { Input } from "@/components/ui/input";
import { sortErrors } from "@/components/ui/server-errors";
import { Skeleton } from "@/components/ui/skeleton";
import { LatchkeyError } from "@/lib/sdk/errors";
import { Gate } from "./gate";
import { NewPasswordField } from "./new-password-field";
import { MAX_PASSWORD, MIN_PASSWORD } from "./password-strength";
import { PlainHttpWarning } from "./plain-http";
import { signInWithPassword } from "./sign-in";
import { waitWords } from "./wait-words";

type Phase =
  | { step: "reading" }
  | { step: "no-code" }
  | { step: "spent" }
  | { step: "unreachable"; code: string; text: string }
  | { step: "form"; code: string; kind: "setup" | "reset"; email: string | null };

type Name = "email" | "password" | "repeat" | "first_name" | "last_name" | "tenant";

const POINTERS: Record<string, Name> = {
  "/email": "email",
  "/password": "password",
  "/first_name": "first_name",
  "/last_name": "last_name",
  "/tenant": "tenant",
};

/** Turns the one-time code of a printed link into an account, or into a new password for one. */
export function SetupScreen() {
  const [phase, setPhase] = useState<Phase>({ step: "reading" });
  const read = useRef(false);

  const check = async (code: string) => {
    setPhase({ step: "reading" });
    try {
      const answer = await api.client.request("POST", "/api/setup/check", { body: { code } });
      const { kind, email } = (answer ?? {}) as { kind?: string; email?: string | null };
      setPhase({ step: "form", code, kind: kind === "reset" ? "reset" : "setup", email: email ?? null });
    } catch (error) {
      if (!(error instanceof LatchkeyError)) throw error;
      if (error.status >= 400 && error.status < 500 && error.status !== 429) setPhase({ step: "spent" });
      else
        setPhase({
          step: "unreachable",
          code,
          text: error.status === 429 ? `Too many attempts. Try again ${waitWords(error.retryAfterS)}.` : error.message,
        });
    }
  };

  // biome-ignore lint/correctness/useExhaustiveDependencies: the code is read once, from the address the page was opened with
  useEffect(() => {
    if (read.current) return;
    read.current = true;
    const code = decodeURIComponent(window.location.hash.replace(/^#/u, "")).trim();
    // Out of the address bar and the history at once: the code is as good as a password.
    window.history.replaceState(null, "", window.location.pathname);
    if (code === "") setPhase({ step: "no-code" });
    else void check(code);
  }, []);

  if (phase.step === "reading")
    return (
      <Gate title="Set up Latchkey" sub="Checking the link…">
        <div className="gate-form" aria-hidden>
          <Skeleton w={12} />
          <Skeleton w={24} />
          <Skeleton w={12} />
          <Skeleton w={24} />
        </div>
      </Gate>
    );
  if (phase.step === "no-code")
    return (
      <Gate title="The code is missing" sub="This page needs the whole link, including the part after the # sign.">
        <p className="small muted mt-6">
          Open the line that begins with “Set up:” from the terminal Latchkey runs in. Reloading this page also loses
          the code; then open the link again. If you have an account already, <SignInLink />.
        </p>
      </Gate>
    );
  if (phase.step === "spent")
    return (
      <Gate title="This link is no longer valid" sub="It was used already, it is too old, or a newer one replaced it.">
        <div className="gate-form">
          <p className="small muted">
            For a first account, restart Latchkey: it prints a new link. For a new password, whoever runs this server
            makes a link with <code>npm run reset-password -- your@email</code>.
          </p>
          <Button asChild>
            <Link href="/sign-in">Go to sign-in</Link>
          </Button>
        </div>
      </Gate>
    );
  if (phase.step === "unreachable")
    return (
      <Gate title="The link could not be checked" sub={phase.text}>
        <div className="gate-form">
          <Button variant="primary" onClick={() => void check(phase.code)}>
            Try again
          </Button>
        </div>
      </Gate>
    );
  return <SetupForm {...phase} onSpent={() => setPhase({ step: "spent" })} />;
}

function SignInLink() {
  return (
    <Link className="link" href="/sign-in">
      sign in
    </Link>
  );
}

interface SetupFormProps {
  code: string;
  kind: "setup" | "reset";
  email: string | null;
  onSpent: () => void;
}

function SetupForm({ code, kind, email, onSpent }: SetupFormProps) {
  const [errors, setErrors] = useState<{ fields: Partial<Record<Name, string>>; rest: string | null }>({
    fields: {},
    rest: null,
  });
  const [busy, setBusy] = useState(false);
  const [known, setKnown] = useState<string[]>(email ? [email] : []);
  const form = useRef<HTMLFormElement>(null);

  const complain = (found: typeof errors) => {
    setErrors(found);
    const first = (["first_name", "last_name", "email", "tenant", "password", "repeat"] as const).find(
      (name) => found.fields[name],
    );
    if (first) form.current?.querySelector<HTMLInputElement>(`[name="${first}"]`)?.focus();
  };
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (busy) return;
    const values = new FormData(event.currentTarget);
    const value = (name: Name) => String(values.get(name) ?? "");
    const fields: Partial<Record<Name, string>> = {};
    if (kind === "setup") {
      if (value("first_name").trim() === "") fields.first_name = "Enter your first name.";
      if (value("last_name").trim() === "") fields.last_name = "Enter your last name.";
      if (!/^[^\s@]+@[^\s@]+$/u.test(value("email").trim()))
        fields.email = "Enter an email address, such as mara@acme.example.";
      if (value("tenant").trim() === "") fields.tenant = "Enter a name. It can be changed later.";
    }
    const length = [...value("password")].length;
    if (length < MIN_PASSWORD) fields.password = `Use at least ${MIN_PASSWORD} characters.`;
    else if (length > MAX_PASSWORD) fields.password = `Use at most ${MAX_PASSWORD} characters.`;
    if (Object.keys(fields).length > 0) return complain({ fields, rest: null });

    setBusy(true);
    setErrors({ fields: {}, rest: null });
    const password = value("password");
    try {
      const answer = await api.client.request("POST", "/api/setup", {
        body:
          kind === "reset"
            ? { code, password, ...(email ? { email } : {}) }
            : {
                code,
                email: value("email").trim(),
                password,
                first_name: value("first_name").trim(),
                last_name: value("last_name").trim(),
                tenant: value("tenant").trim(),
              },
      });
      const made = (answer ?? {}) as { email?: string };
      const signed = await signInWithPassword(made.email ?? email ?? value("email").trim(), password);
      window.location.assign(signed.ok ? "/" : "/sign-in");
    } catch (error) {
      setBusy(false);
      const sorted = sortErrors(error, POINTERS);
      const aboutCode =
        error instanceof LatchkeyError && (error.pointer === "/code" || [401, 403, 404, 410].includes(error.status));
      if (aboutCode) onSpent();
      else complain(sorted);
    }
  };

  return (
    <Gate
      title={kind === "setup" ? "Set up Latchkey" : "Choose a new password"}
      sub={kind === "setup" ? "Your account will own everything on this server." : email}
    >
      <form
        ref={form}
        className="gate-form"
        method="post"
        noValidate
        onSubmit={(event) => void submit(event)}
        onChange={(event) => {
          const values = new FormData(event.currentTarget);
          setKnown(
            ["first_name", "last_name", "email", "tenant"].map((name) => String(values.get(name) ?? email ?? "")),
          );
        }}
      >
        <PlainHttpWarning />
        {errors.rest ? <FieldError>{errors.rest}</FieldError> : null}
        {kind === "setup" ? (
          <>
            <div className="two">
              <Field label="First name" error={errors.fields.first_name}>
                <Input name="first_name" autoComplete="given-name" maxLength={100} />
              </Field>
              <Field label="Last name" error={errors.fields.last_name}>
                <Input name="last_name" autoComplete="family-name" maxLength={100} />
              </Field>
            </div>
            <Field label="Email" error={errors.fields.email}>
              <Input name="email" type="email" autoComplete="username" autoCapitalize="none" maxLength={254} />
            </Field>
            <Field
              label="Organisation"
              error={errors.fields.tenant}
              help="Who this server is for. Shown beside your workspaces."
            >
              <Input name="tenant" autoComplete="organization" maxLength={200} />
            </Field>
          </>
        ) : email ? (
          // For password managers, so that they know whose password this is.
          <input type="hidden" name="username" autoComplete="username" value={email} readOnly />
        ) : null}
        <NewPasswordField
          label={kind === "setup" ? "Password" : "New password"}
          error={errors.fields.password}
          known={known}
        />
        <Button variant="primary" type="submit" busy={busy}>
          {kind === "setup" ? "Create account" : "Save password and sign in"}
        </Button>
      </form>
    </Gate>
  );
}
