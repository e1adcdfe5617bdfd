import type { ReactNode } from "react";
import { cx } from "./cx";

/** A key to press. */
export function Kbd({ children, className }: { children: ReactNode; className?: string }) {
  return <kbd className={cx("kbd", className)}>{children}</kbd>;
}
