import { cx } from "./cx";

/** A grey bar where text will be. `w` is a width in characters. */
export function Skeleton({ w = 12, className }: { w?: 6 | 8 | 12 | 16 | 24; className?: string }) {
  return <span className={cx("skeleton", `skeleton-${w}`, className)} aria-hidden />;
}
