"use client";

import type { ComponentProps, ReactNode } from "react";
import { cx } from "./cx";
import { useField } from "./field";

export interface InputProps extends Omit<ComponentProps<"input">, "prefix"> {
  /** Monospace, for what machines compare. */
  code?: boolean;
  /** Filled by us (discovery), not by the person. */
  found?: boolean;
  /** Before the text, such as an icon. */
  before?: ReactNode;
  /** After the text, such as a small button. */
  after?: ReactNode;
}

/** A line of text. Inside a `Field` it takes id, description and validity from it. */
export function Input({ code, found, before, after, className, id, ...rest }: InputProps) {
  const field = useField();
  return (
    <div
      className={cx("input", code && "is-code", found && "is-found", className)}
      aria-invalid={field?.invalid || rest["aria-invalid"] || undefined}
    >
      {before}
      <input
        autoComplete="off"
        spellCheck={code ? false : undefined}
        autoCapitalize={code ? "none" : undefined}
        {...rest}
        id={id ?? field?.id}
        aria-invalid={field?.invalid || rest["aria-invalid"] || undefined}
        aria-describedby={cx(rest["aria-describedby"], field?.describedBy) || undefined}
      />
      {after}
    </div>
  );
}
