"use client";

import { type ReactNode, useId } from "react";
import { cx } from "./cx";
import { FieldError } from "./field-error";

export interface FieldGroupProps {
  legend: ReactNode;
  hint?: ReactNode;
  help?: ReactNode;
  error?: string | null | undefined;
  className?: string;
  children: ReactNode;
}

/** Several controls under one heading (radio cards, key/value rows): a fieldset with its legend. */
export function FieldGroup({ legend, hint, help, error, className, children }: FieldGroupProps) {
  const id = useId();
  return (
    <fieldset
      className={cx("field", className)}
      aria-describedby={
        [error ? `${id}-error` : null, help ? `${id}-help` : null].filter(Boolean).join(" ") || undefined
      }
    >
      <legend className="label">
        {legend}
        {hint ? <span className="opt">{hint}</span> : null}
      </legend>
      {children}
      {error ? <FieldError id={`${id}-error`}>{error}</FieldError> : null}
      {help ? (
        <p className="help" id={`${id}-help`}>
          {help}
        </p>
      ) : null}
    </fieldset>
  );
}
