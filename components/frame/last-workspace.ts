const KEY = "latchkey.workspace";

/** The workspace last looked at in this browser, or null. An id only; storage that is switched off is no obstacle. */
export function lastWorkspace(): string | null {
  try {
    return window.localStorage.getItem(KEY);
  } catch {
    // Storage is blocked by the browser's settings: there is simply no memory then.
    return null;
  }
}

export function rememberWorkspace(id: string): void {
  try {
    window.localStorage.setItem(KEY, id);
  } catch {
    // As above.
  }
}
