"use client";

import { PlugZap } from "lucide-react";
import { useEffect, useState } from "react";
import type { FieldPath, UseFormReturn } from "react-hook-form";
import { Button } from "@/components/ui/button";
import { Note } from "@/components/ui/note";
import { sortErrors } from "@/components/ui/server-errors";
import type { ConnectionTest, TokenTest } from "@/lib/sdk/resources";
import { SECRET_TYPES } from "@/lib/secret-types";
import { type SecretForm, secretPointers } from "./secret-form";
import { TestAnswer } from "./test-secret";

type Answer = ConnectionTest | TokenTest;

/** Tries out what is typed in the form, which stays as it is: the login of a database, or a token request. Nothing is saved. */
export function TestTyped({
  form,
  send,
  refused = null,
}: {
  form: UseFormReturn<SecretForm>;
  send: (values: SecretForm) => Promise<{ data: Answer }>;
  /** Why this person may not. */
  refused?: string | null;
}) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const [answer, setAnswer] = useState<Answer | null>(null);
  const { setError, trigger, getValues, watch } = form;
  // An answer is about what was typed then.
  useEffect(() => {
    const { unsubscribe } = watch(() => {
      setAnswer(null);
      setProblem(null);
    });
    return unsubscribe;
  }, [watch]);
  const type = watch("type");
  const database = type !== "oauth2";
  const test = async () => {
    setAnswer(null);
    setProblem(null);
    if (!(await trigger(fieldsOf(type), { shouldFocus: true }))) return;
    setBusy(true);
    try {
      setAnswer((await send(getValues())).data);
    } catch (error) {
      const { fields, rest } = sortErrors(error, secretPointers(type));
      for (const [field, message] of Object.entries(fields))
        setError(field as FieldPath<SecretForm>, { type: "server", message: message ?? "" }, { shouldFocus: true });
      setProblem(rest);
    } finally {
      setBusy(false);
    }
  };
  return (
    <section className="stack-sm" aria-label="Test">
      <div className="acts">
        <Button busy={busy} disabledReason={refused} onClick={() => void test()}>
          <PlugZap className="i" aria-hidden />
          {database ? "Test connection" : "Test request"}
        </Button>
      </div>
      <p className="help">
        {database
          ? "Logs in once with what is typed here, and changes nothing there. Nothing is saved."
          : "Asks for a token once with what is typed here and throws it away. Nothing is saved."}
      </p>
      {problem ? (
        <Note tone="warn" live>
          {problem}
        </Note>
      ) : answer ? (
        <TestAnswer answer={answer} />
      ) : null}
    </section>
  );
}

/** What a test is made of: all that the type asks for, but no name. */
function fieldsOf(type: SecretForm["type"]): FieldPath<SecretForm>[] {
  if (type === "oauth2") return ["clientId", "username", "password", "scopes", "params"];
  return SECRET_TYPES[type].fields.map(({ name }) => `values.${name}` as const);
}
