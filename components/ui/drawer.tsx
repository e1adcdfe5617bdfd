"use client";

import { cx } from "./cx";
import { Overlay, type OverlayProps } from "./overlay";

/** A drawer from the right; on narrow screens a sheet from below. */
export function Drawer({ className, ...rest }: OverlayProps) {
  return <Overlay {...rest} className={cx("drawer", className)} />;
}
