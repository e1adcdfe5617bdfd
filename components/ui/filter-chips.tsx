"use client";

import type { ReactNode } from "react";

export interface FilterChipsProps<T extends string> {
  label: string;
  options: { value: T; label: ReactNode; count?: number | undefined }[];
  value: T;
  onChange: (value: T) => void;
  /** More controls after a line, such as menus. */
  children?: ReactNode;
}

/** Segmented filters, one on at a time, with counts when known. */
export function FilterChips<T extends string>({ label, options, value, onChange, children }: FilterChipsProps<T>) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset would bring a legend and form semantics to what is a toolbar
    <div className="filters" role="group" aria-label={label}>
      {options.map((option) => (
        <button
          key={option.value}
          className="filter-chip"
          type="button"
          aria-pressed={option.value === value}
          data-none={option.count === 0 || undefined}
          onClick={() => onChange(option.value)}
        >
          {option.label} {option.count === undefined ? null : <span className="n">{option.count}</span>}
        </button>
      ))}
      {children ? (
        <>
          <span className="sep" aria-hidden />
          {children}
        </>
      ) : null}
    </div>
  );
}
