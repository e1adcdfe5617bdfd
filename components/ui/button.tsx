"use client";

import { Slot } from "radix-ui";
import type { ComponentProps, MouseEvent, ReactNode } from "react";
import { cx } from "./cx";

export interface ButtonProps extends Omit<ComponentProps<"button">, "disabled"> {
  variant?: "default" | "primary" | "danger" | "plain";
  size?: "md" | "sm";
  /** Square, for a lone icon; then `aria-label` is required by the eye of the reader. */
  icon?: boolean;
  /** Shows work in progress, keeps its width and ignores clicks, but stays focusable. */
  busy?: boolean;
  /** Disables the button and says why, to the pointer and to a screen reader. There is no disabling without a reason. */
  disabledReason?: string | null | undefined;
  /** Renders the single child (a link) with the looks of a button. */
  asChild?: boolean;
  children?: ReactNode;
}

/** A button, or with `asChild` a link that looks like one. `type` is `button` unless said otherwise. */
export function Button({
  variant = "default",
  size = "md",
  icon = false,
  busy = false,
  disabledReason,
  asChild = false,
  className,
  onClick,
  type,
  title,
  ...rest
}: ButtonProps) {
  const classes = cx(
    "btn",
    variant !== "default" && `btn-${variant}`,
    size === "sm" && "btn-sm",
    icon && "btn-icon",
    className,
  );
  if (asChild) return <Slot.Root className={classes} title={title} onClick={onClick} {...rest} />;
  const held = busy || Boolean(disabledReason);
  const press = (event: MouseEvent<HTMLButtonElement>) => {
    // A held submit button must not submit either, so the click itself is stopped rather than only ignored.
    if (held) event.preventDefault();
    else onClick?.(event);
  };
  return (
    <button
      {...rest}
      type={type ?? "button"}
      className={classes}
      onClick={press}
      aria-busy={busy || undefined}
      aria-disabled={held || undefined}
      title={disabledReason ?? title}
      aria-description={disabledReason ?? undefined}
    />
  );
}
