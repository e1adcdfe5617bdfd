import { Check, Info, TriangleAlert } from "lucide-react";
import type { ReactNode } from "react";

const ICONS = { ok: Check, info: Info, warn: TriangleAlert } as const;

/** One sentence beneath a control or a heading. `live` announces it when it appears. */
export function Note({
  tone = "info",
  live,
  children,
}: {
  tone?: keyof typeof ICONS;
  live?: boolean;
  children: ReactNode;
}) {
  const Icon = ICONS[tone];
  return (
    <p className={`note note-${tone}`} role={live ? "status" : undefined}>
      <Icon className="i" aria-hidden />
      <span>{children}</span>
    </p>
  );
}
