import type { Metadata } from "next";
import Link from "next/link";
import { Button } from "@/components/ui/button";
import { Mark } from "@/components/ui/mark";

export const metadata: Metadata = { title: "Not found" };

/** One page for what does not exist and for what the reader may not see, so neither can be told from the other. */
export default function NotFound() {
  return (
    <main className="main" id="main">
      <article className="verdict">
        <Mark />
        <h1>There is nothing here</h1>
        <p className="lead">The address is wrong, what it led to was deleted, or you have no access to it.</p>
        <div className="acts mt-6">
          <Button asChild>
            <Link href="/">Back to start</Link>
          </Button>
        </div>
      </article>
    </main>
  );
}
