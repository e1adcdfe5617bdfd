import { TriangleAlert } from "lucide-react";
import type { ReactNode } from "react";

/** What is wrong, at the place where it is wrong; announced when it appears. */
export function FieldError({ id, children }: { id?: string; children: ReactNode }) {
  return (
    <p className="field-error" id={id} role="alert">
      <TriangleAlert className="i" aria-hidden />
      <span>{children}</span>
    </p>
  );
}
