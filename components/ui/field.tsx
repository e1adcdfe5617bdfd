"use client";

import { createContext, type ReactNode, useContext, useId } from "react";
import { cx } from "./cx";
import { FieldError } from "./field-error";

interface FieldWiring {
  id: string;
  labelId: string;
  describedBy: string | undefined;
  invalid: boolean;
}

const FieldContext = createContext<FieldWiring | null>(null);

/** The ids a control inside a `Field` must carry; null outside one. Kit controls take them by themselves. */
export function useField(): FieldWiring | null {
  return useContext(FieldContext);
}

export interface FieldProps {
  label: ReactNode;
  /** Said quietly after the label, such as "optional". */
  hint?: ReactNode;
  /** At the end of the label line, such as "3 chosen". */
  end?: ReactNode;
  /** One sentence below the control. */
  help?: ReactNode;
  /** What is wrong, shown at the field and announced. */
  error?: string | null | undefined;
  /** Below help and error: notes, suggestions. */
  after?: ReactNode;
  /** For controls that are not labelable (a listbox button): the label is then referred to by id. */
  labelAs?: "label" | "span";
  id?: string;
  className?: string;
  children: ReactNode;
}

/** Label above, control, then error or help below, with all ids wired. */
export function Field({
  label,
  hint,
  end,
  help,
  error,
  after,
  labelAs = "label",
  id,
  className,
  children,
}: FieldProps) {
  const own = useId();
  const controlId = id ?? own;
  const helpId = `${controlId}-help`;
  const errorId = `${controlId}-error`;
  const describedBy = [error ? errorId : null, help ? helpId : null].filter(Boolean).join(" ") || undefined;
  const inner = (
    <>
      {label}
      {hint ? <span className="opt">{hint}</span> : null}
    </>
  );
  return (
    <FieldContext.Provider
      value={{ id: controlId, labelId: `${controlId}-label`, describedBy, invalid: Boolean(error) }}
    >
      <div className={cx("field", className)}>
        <div className="label">
          {labelAs === "label" ? (
            <label id={`${controlId}-label`} htmlFor={controlId} className="label-text">
              {inner}
            </label>
          ) : (
            <span id={`${controlId}-label`} className="label-text">
              {inner}
            </span>
          )}
          {end ? <span className="end">{end}</span> : null}
        </div>
        {children}
        {error ? <FieldError id={errorId}>{error}</FieldError> : null}
        {help ? (
          <p className="help" id={helpId}>
            {help}
          </p>
        ) : null}
        {after}
      </div>
    </FieldContext.Provider>
  );
}
