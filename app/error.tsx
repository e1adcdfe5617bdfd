"use client";

import { RotateCw } from "lucide-react";
import { Button } from "@/components/ui/button";
import { Mark } from "@/components/ui/mark";

/**
 * A page that broke. The error's text stays in the log; only its number is shown. Both ways on load anew: after an upgrade what is missing
 * are the scripts that this page was to come with.
 */
export default function ErrorPage({ error }: { error: Error & { digest?: string } }) {
  return (
    <main className="main" id="main">
      <article className="verdict">
        <Mark />
        <h1>This page broke</h1>
        <p className="lead">
          Something went wrong on our side. Nothing you saved is lost, and secrets go on being renewed.
        </p>
        <div className="acts mt-6">
          <Button variant="primary" onClick={() => window.location.reload()}>
            <RotateCw className="i" aria-hidden />
            Try again
          </Button>
          <Button asChild>
            <a href="/">Back to start</a>
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
