"use client";

import type { ComponentProps } from "react";
import { cx } from "./cx";
import { useField } from "./field";

/** Several lines of text. Inside a `Field` it takes id, description and validity from it. */
export function Textarea({ code, className, id, ...rest }: ComponentProps<"textarea"> & { code?: boolean }) {
  const field = useField();
  return (
    <textarea
      rows={4}
      spellCheck={code ? false : undefined}
      {...rest}
      id={id ?? field?.id}
      className={cx("input textarea", code && "is-code", className)}
      aria-invalid={field?.invalid || rest["aria-invalid"] || undefined}
      aria-describedby={cx(rest["aria-describedby"], field?.describedBy) || undefined}
    />
  );
}
