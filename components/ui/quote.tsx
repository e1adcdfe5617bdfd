import { ChevronRight } from "lucide-react";
import type { ReactNode } from "react";

/** Somebody else's own words (the provider's), folded, below ours. */
export function Quote({ summary, children }: { summary: ReactNode; children: string }) {
  return (
    <details className="quote">
      <summary>
        <ChevronRight className="i i-sm" aria-hidden />
        {summary}
      </summary>
      <pre>{children}</pre>
    </details>
  );
}
