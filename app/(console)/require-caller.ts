import { redirect } from "next/navigation";
import { signInPath } from "@/components/accounts/safe-path";
import { currentCaller } from "@/lib/accounts/session";

/**
 * The signed-in person of this request; without one, a redirect to the sign-in page that leads back to `from` (a path of this site).
 * Pages ask this first. It shows or hides screens only: every call for data is authorised by itself.
 */
export async function requireCaller(from: string) {
  const caller = await currentCaller();
  if (!caller) redirect(signInPath(from));
  return caller;
}
