"use client";

import { useCallback, useEffect, useRef, useState } from "react";
import { ReauthCancelled, withReauth } from "@/components/accounts/reauth";

/** One trial at a time: under way, answered or failed. What was answered before goes when the next one begins. */
export interface Trial<Answer> {
  busy: boolean;
  answer: Answer | null;
  /** As thrown; null: nothing went wrong. */
  error: unknown;
  /** Ignored while one is under way. */
  run(call: (signal: AbortSignal) => Promise<Answer>): Promise<void>;
  /** Waits no longer. What was sent may take effect all the same. */
  stop(): void;
}

const STOPPED = "Stopped waiting. What was sent may have taken effect all the same.";

export function useTry<Answer>(): Trial<Answer> {
  const [state, setState] = useState<Pick<Trial<Answer>, "busy" | "answer" | "error">>({
    busy: false,
    answer: null,
    error: null,
  });
  const current = useRef<AbortController | null>(null);
  useEffect(() => () => current.current?.abort(), []);
  const run = useCallback(async (call: (signal: AbortSignal) => Promise<Answer>) => {
    if (current.current) return;
    const mine = new AbortController();
    current.current = mine;
    setState({ busy: true, answer: null, error: null });
    let then: { answer: Answer | null; error: unknown };
    try {
      then = { answer: await withReauth(() => call(mine.signal)), error: null };
    } catch (caught) {
      const cancelled = caught instanceof ReauthCancelled;
      then = { answer: null, error: mine.signal.aborted ? new Error(STOPPED) : cancelled ? null : caught };
    }
    current.current = null;
    setState({ busy: false, ...then });
  }, []);
  const stop = useCallback(() => current.current?.abort(), []);
  return { ...state, run, stop };
}
