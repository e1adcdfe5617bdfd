"use client";

import { useCallback, useEffect, useRef, useState } from "react";

/** Copies through a hidden field: works over plain http, where `navigator.clipboard` does not exist. */
function copyThroughField(text: string): boolean {
  const field = document.createElement("textarea");
  field.value = text;
  field.setAttribute("readonly", "");
  field.className = "copy-aside";
  // Inside an open dialog focus may not leave it, so the field is put there.
  const home = document.activeElement?.closest('[role="dialog"], [role="alertdialog"]') ?? document.body;
  const before = document.activeElement;
  home.append(field);
  field.select();
  let done = false;
  try {
    done = document.execCommand("copy");
  } catch {
    // Some browsers throw instead of answering false; both mean "not copied".
    done = false;
  }
  field.remove();
  if (before instanceof HTMLElement) before.focus();
  return done;
}

/** Puts a text on the clipboard; false when the browser refuses by every way we know. */
export async function copyText(text: string): Promise<boolean> {
  if (navigator.clipboard && window.isSecureContext) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // Refused (no permission, page not focused): the older way may still work.
    }
  }
  return copyThroughField(text);
}

export type CopyState = "idle" | "busy" | "copied" | "refused";

/** Copying with its state: "copied" for 2 s, or "refused". `text` may be fetched first (a token that is only then revealed). */
export function useCopy(): { state: CopyState; copy: (text: string | (() => Promise<string>)) => Promise<boolean> } {
  const [state, setState] = useState<CopyState>("idle");
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const copy = useCallback(async (text: string | (() => Promise<string>)) => {
    clearTimeout(timer.current);
    setState("busy");
    try {
      const done = await copyText(typeof text === "string" ? text : await text());
      setState(done ? "copied" : "refused");
      timer.current = setTimeout(() => setState("idle"), done ? 2000 : 6000);
      return done;
    } catch (error) {
      setState("idle");
      throw error;
    }
  }, []);
  return { state, copy };
}
