"use client";

import { cx } from "./cx";
import { Overlay, type OverlayProps } from "./overlay";

/** A dialog over the page; on narrow screens a sheet from below. With `onSubmit` it is a form. */
export function Dialog({ size = "md", className, ...rest }: OverlayProps & { size?: "sm" | "md" }) {
  return <Overlay {...rest} className={cx("dialog", size === "sm" && "dialog-sm", className)} />;
}
