import { TriangleAlert } from "lucide-react";
import type { ReactNode } from "react";

/** Says above a list or form what needs a person. Absent when nothing does. */
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
    <div className="trouble" role={alert ? "alert" : "status"}>
      <TriangleAlert className="i" aria-hidden />
      <div>
        <b>{title}</b> {children ? <span className="rest">{children}</span> : null}
      </div>
      {action}
    </div>
  );
}
