import type { RequestFacts } from "@/lib/access/caller";
import { markKeyExposed } from "@/lib/accounts/exposed-keys";
import { AppError } from "@/lib/errors";

const SUSPECT = /[?&](api[_-]?key|apikey|access_token|authorization)=|latchkey_(pat|task)_/i;

/**
 * The path as a log may keep it: without any key of ours that somebody put there, and of an outbound call only the host. Those are many,
 * and a line of ASCII alone is written for half.
 */
export function loggablePath(url: Pick<URL, "pathname">): string {
  const ours = url.pathname.replace(/^(\/outbound\/[^/]*\/[^/]*\/).+/, "$1...");
  return ours.replace(/latchkey_(pat|task)_[^/]*/gi, "latchkey_$1_…");
}

/**
 * URLs end in logs and histories, so a key in one is refused and, when it is ours, marked exposed (KEY-5).
 *
 * @throws AppError bad_request
 */
export async function refuseKeyInUrl(url: URL, facts: RequestFacts): Promise<void> {
  if (!SUSPECT.test(url.href)) return;
  for (const value of [...url.searchParams.values(), ...url.pathname.split("/")]) await markKeyExposed(value, facts);
  throw new AppError(
    "bad_request",
    "A key was sent in the URL, where logs and histories keep it. Send it as the password of HTTP Basic, and replace this key.",
  );
}
