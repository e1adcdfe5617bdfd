/** "in 20 seconds", "in 3 minutes", or "a little later" when the server did not say. `seconds` as in Retry-After. */
export function waitWords(seconds: number | null | undefined): string {
  if (!seconds || seconds <= 0) return "a little later";
  if (seconds < 90) return `in ${Math.ceil(seconds)} second${Math.ceil(seconds) === 1 ? "" : "s"}`;
  return `in ${Math.ceil(seconds / 60)} minutes`;
}
