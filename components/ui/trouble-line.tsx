import { TriangleAlert } from "lucide-react";
import type { ReactNode } from "react";

/** Says above a list or form what needs a person. Absent when nothing does. An alert comes into view: it may answer a button far below. */
export function TroubleLine({
  title,
  children,
  action,
  alert,
}: {
  title: ReactNode;
  children?: ReactNode;
  action?: ReactNode;
  alert?: boolean;
}) {
  return (
    <div className="trouble" role={alert ? "alert" : "status"} ref={alert ? show : undefined}>
      <TriangleAlert className="i" aria-hidden />
      <div>
        <b>{title}</b> {children ? <span className="rest">{children}</span> : null}
      </div>
      {action}
    </div>
  );
}

function show(element: HTMLElement | null): void {
  element?.scrollIntoView({ block: "nearest" });
}
