"use client";

import { RotateCw } from "lucide-react";
import Link from "next/link";
import { Button } from "@/components/ui/button";
import { Mark } from "@/components/ui/mark";

/** A page that broke. The error's text stays in the log; only its number is shown. */
export default function ErrorPage({ error, reset }: { error: Error & { digest?: string }; reset: () => void }) {
  return (
    <main className="main" id="main">
      <article className="verdict">
        <Mark />
        <h1>This page broke</h1>
        <p className="lead">
          Something went wrong on our side. Nothing you saved is lost, and secrets go on being renewed.
        </p>
        <div className="acts mt-6">
          <Button variant="primary" onClick={reset}>
            <RotateCw className="i" aria-hidden />
            Try again
          </Button>
          <Button asChild>
            <Link href="/">Back to start</Link>
          </Button>
        </div>
        {error.digest ? (
          <p className="meta small muted">
            <span>
              If it stays like this, tell whoever runs this server the number{" "}
              <span className="code">{error.digest}</span>.
            </span>
          </p>
        ) : null}
      </article>
    </main>
  );
}
