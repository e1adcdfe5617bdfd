"use client";

import { useEffect } from "react";
import { signInPath } from "@/components/accounts/safe-path";

/** Leads a browser without a valid session to the sign-in page, and from there back to where it is now. */
export function ToSignIn() {
  useEffect(() => {
    window.location.replace(signInPath(window.location.pathname + window.location.search));
  }, []);
  return (
    <main className="main" id="main">
      <article className="verdict">
        <h1>You are not signed in</h1>
        <p className="lead">
          <a className="link" href="/sign-in">
            Sign in
          </a>{" "}
          to go on.
        </p>
      </article>
    </main>
  );
}
