import { TriangleAlert } from "lucide-react";
import type { Metadata } from "next";
import Link from "next/link";
import { Button } from "@/components/ui/button";
import { Mark } from "@/components/ui/mark";
import { callbackFailure, isCallbackCode } from "@/lib/oauth/callback-failure";

export const metadata: Metadata = { title: "Not authorized" };

/**
 * Where an answer from a provider ends when it is not known whose secret it was for: nothing is read, nothing of a secret is said, and no
 * sign-in is needed. Only a reason we know becomes words.
 */
export default async function ConnectFailedPage({
  searchParams,
}: {
  searchParams: Promise<{ reason?: string | string[] }>;
}) {
  const { reason } = await searchParams;
  const failure = callbackFailure(typeof reason === "string" && isCallbackCode(reason) ? reason : "state_unknown", 0);
  return (
    <main className="main" id="main">
      <article className="verdict">
        <Mark />
        <p className="kicker">
          <TriangleAlert className="i" aria-hidden />
          Nothing was authorized
        </p>
        <h1>{failure.title}</h1>
        <p className="lead">{failure.detail}</p>
        <p className="lead verdict-cure">{failure.cure}</p>
        <div className="acts mt-6">
          <Button asChild>
            <Link href="/">Back to your secrets</Link>
          </Button>
        </div>
      </article>
    </main>
  );
}
