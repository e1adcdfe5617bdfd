"use client";

import { ChevronRight } from "lucide-react";
import type { ReactNode } from "react";

export interface FoldProps {
  title: ReactNode;
  /** What is inside, in a few words, so it need not be opened to know. */
  summary?: ReactNode;
  /** Open from the start, such as when an error lies inside. */
  open?: boolean;
  children: ReactNode;
}

/** Options that are rarely needed, folded under a title. */
export function Fold({ title, summary, open, children }: FoldProps) {
  return (
    <details className="fold" open={open || undefined}>
      <summary>
        <ChevronRight className="i i-sm" aria-hidden />
        {title}
        {summary ? <span className="sum trunc">{summary}</span> : null}
      </summary>
      <div className="fold-body stack-sm">{children}</div>
    </details>
  );
}
