"use client";

import { ChevronDown } from "lucide-react";
import type { ComponentProps } from "react";
import { cx } from "./cx";
import { useField } from "./field";

/** The browser's own list, for a handful of fixed choices. */
export function Select({ className, id, children, ...rest }: ComponentProps<"select">) {
  const field = useField();
  return (
    <div className={cx("input select", className)} aria-invalid={field?.invalid || undefined}>
      <select
        {...rest}
        id={id ?? field?.id}
        aria-invalid={field?.invalid || undefined}
        aria-describedby={cx(rest["aria-describedby"], field?.describedBy) || undefined}
      >
        {children}
      </select>
      <ChevronDown className="i" aria-hidden />
    </div>
  );
}
