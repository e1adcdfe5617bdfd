import { useEffect, useState } from "react";

const PAUSE_MS = 200;

/** What is typed, trimmed, as it was when the typing last paused: what a server is asked for. */
export function usePaused(typed: string): string {
  const [paused, setPaused] = useState(typed.trim());
  useEffect(() => {
    const timer = setTimeout(() => setPaused(typed.trim()), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  return paused;
}
