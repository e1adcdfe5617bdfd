"use client";

import { useSyncExternalStore } from "react";

/** One timer for the whole page, running only while something listens and the tab is visible. */
const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;
let now = 0;

function tick() {
  now = Math.floor(Date.now() / 1000) * 1000;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  if (!timer) {
    tick();
    timer = setInterval(() => {
      if (!document.hidden) tick();
    }, 1000);
    document.addEventListener("visibilitychange", tick);
  }
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
    document.removeEventListener("visibilitychange", tick);
  };
}

function current(): number {
  if (now === 0) now = Math.floor(Date.now() / 1000) * 1000;
  return now;
}

/**
 * A text made from the present, drawn again only when the text changes: hundreds of times on one page cost next to nothing. "" on the server
 * and for whoever has no text yet.
 */
export function useNowText(say: (now: number) => string): string {
  return useSyncExternalStore(
    subscribe,
    () => say(current()),
    () => "",
  );
}

/** The present in milliseconds, rounded to whole seconds, moving once a second for everyone at once; 0 on the server. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, current, () => 0);
}
