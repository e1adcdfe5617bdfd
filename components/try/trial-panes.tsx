"use client";

import { type FormEvent, type KeyboardEvent, type ReactNode, useEffect, useRef } from "react";
import { Button } from "@/components/ui/button";
import { Kbd } from "@/components/ui/kbd";
import { Note } from "@/components/ui/note";
import { Skeleton } from "@/components/ui/skeleton";
import type { Trial } from "./use-try";

/** What is asked on the left, what came of it on the right; below each other where it is narrow. */
export function TrialPanes<Answer>({
  label,
  send,
  trial,
  refused,
  onSend,
  fields,
  failure,
  empty,
  children,
}: {
  /** Names the form. */
  label: string;
  /** What the button says. */
  send: string;
  trial: Trial<Answer>;
  /** Why nothing can be sent; null when it can. */
  refused: string | null;
  onSend: () => void;
  fields: ReactNode;
  /** What went wrong and stands at no field. */
  failure: string | null;
  /** What the right side says before anything was sent. */
  empty: string;
  children: (answer: Answer) => ReactNode;
}) {
  const pane = useRef<HTMLElement>(null);
  const { answer, error } = trial;
  // Where the panes are below each other, what came is brought into sight.
  useEffect(() => {
    if (answer !== null || error !== null) pane.current?.scrollIntoView({ block: "nearest" });
  }, [answer, error]);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (refused === null && !trial.busy) onSend();
  };
  const key = (event: KeyboardEvent<HTMLFormElement>) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    event.currentTarget.requestSubmit();
  };
  return (
    <div className="try">
      <form className="card try-form" aria-label={label} noValidate onSubmit={submit} onKeyDown={key}>
        <div className="stack try-fields">{fields}</div>
        <div className="form-foot">
          <span className="muted small try-keys">
            <Kbd>Ctrl</Kbd> <Kbd>Enter</Kbd> sends
          </span>
          <span className="spacer" />
          {trial.busy ? <Button onClick={trial.stop}>Stop</Button> : null}
          <Button variant="primary" type="submit" busy={trial.busy} disabledReason={refused}>
            {send}
          </Button>
        </div>
      </form>
      <section className="card try-answer stack-sm" aria-label="Answer" ref={pane} aria-busy={trial.busy || undefined}>
        {trial.busy ? (
          <div className="stack-sm" role="status" aria-label="Waiting for the answer">
            <Skeleton w={8} />
            <Skeleton w={24} />
            <Skeleton w={16} />
          </div>
        ) : error !== null ? (
          <Note tone="warn" live>
            {failure ?? "It did not work: the marked field says why."}
          </Note>
        ) : answer === null ? (
          <p className="muted">{refused ?? empty}</p>
        ) : (
          children(answer)
        )}
      </section>
    </div>
  );
}
