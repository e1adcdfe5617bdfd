import type { ReactNode } from "react";

/** A small bordered word, such as a visibility. */
export function Tag({ children, title }: { children: ReactNode; title?: string }) {
  return (
    <span className="tag" title={title}>
      {children}
    </span>
  );
}
