"use client";

import { useCallback, useState } from "react";
import { ReauthCancelled, withReauth } from "./reauth";

/**
 * Runs one action at a time, asking for the password again where the server wants it. `error` is fit to show. `run` answers whether it
 * was done; giving up the password question is not an error.
 */
export function useAction() {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const run = useCallback(async (action: () => Promise<unknown>): Promise<boolean> => {
    setBusy(true);
    setError(null);
    try {
      await withReauth(action);
      return true;
    } catch (caught) {
      if (!(caught instanceof ReauthCancelled)) setError(caught instanceof Error ? caught.message : String(caught));
      return false;
    } finally {
      setBusy(false);
    }
  }, []);
  const clear = useCallback(() => setError(null), []);
  return { busy, error, run, clear };
}
