import type { Metadata } from "next";
import Link from "next/link";
import { Gate } from "@/components/accounts/gate";
import { Button } from "@/components/ui/button";
import { systemClock } from "@/lib/clock";
import { callbackFailure, isCallbackCode } from "@/lib/oauth/callback-failure";

export const metadata: Metadata = { title: "Not authorized", referrer: "no-referrer" };

/** A failed authorization of which nobody can tell the secret: an unknown state, no session, a link that lapsed. */
export default async function ConnectFailedPage({
  searchParams,
}: {
  searchParams: Promise<{ reason?: string | string[] }>;
}) {
  const { reason } = await searchParams;
  const code = typeof reason === "string" && isCallbackCode(reason) ? reason : "state_unknown";
  const failure = callbackFailure(code, systemClock.now());
  return (
    <Gate title={failure.title} sub={failure.detail}>
      <p className="mb-6">{failure.cure}</p>
      <Button asChild variant="primary">
        <Link href="/">Go to your secrets</Link>
      </Button>
    </Gate>
  );
}
