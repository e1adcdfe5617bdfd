"use client";

import type { ComponentProps, ReactNode } from "react";

/** A check box with its words and, if needed, one sentence more. */
export function Checkbox({
  label,
  text,
  ...rest
}: Omit<ComponentProps<"input">, "type"> & { label: ReactNode; text?: ReactNode }) {
  return (
    <label className="check">
      <input type="checkbox" {...rest} />
      <span>
        <b>{label}</b>
        {text ? <span className="help">{text}</span> : null}
      </span>
    </label>
  );
}
