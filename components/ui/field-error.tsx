import { TriangleAlert } from "lucide-react";
import type { ReactNode } from "react";

/** What is wrong with a field, below it. The first one of a form comes into view. */
export function FieldError({ id, children }: { id?: string; children: ReactNode }) {
  return (
    <p className="field-error" id={id} role="alert" ref={showIfFirst}>
      <TriangleAlert className="i" aria-hidden />
      <span>{children}</span>
    </p>
  );
}

function showIfFirst(element: HTMLElement | null): void {
  if (element && element.closest("form")?.querySelector(".field-error") === element)
    element.scrollIntoView({ block: "nearest" });
}
