import type { LucideIcon } from "lucide-react";
import type { ReactNode } from "react";
import { RelativeTime } from "./relative-time";

export interface TimelineItem {
  id: string;
  tone?: "ok" | "warn" | "bad" | "info";
  icon: LucideIcon;
  title: ReactNode;
  detail?: ReactNode;
  /** ISO time. */
  at: string;
}

/** What happened, newest first. `children` comes below: a "Show older" button. */
export function Timeline({ items, children }: { items: TimelineItem[]; children?: ReactNode }) {
  return (
    <>
      <ol className="timeline">
        {items.map(({ id, tone, icon: Icon, title, detail, at }) => (
          <li className="event" data-t={tone} key={id}>
            <Icon className="i" aria-hidden />
            <div>
              <b>{title}</b> {detail ? <span className="d">{detail}</span> : null}
            </div>
            <RelativeTime at={at} />
          </li>
        ))}
      </ol>
      {children}
    </>
  );
}
