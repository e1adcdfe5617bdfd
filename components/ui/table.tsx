"use client";

import type { ComponentProps, ReactNode } from "react";
import { cx } from "./cx";

/** A table in its card. `caption` is for screen readers. Columns take their width from `c-…` classes in `cols`. */
export function Table({
  caption,
  cols,
  className,
  children,
}: {
  caption: string;
  cols?: string[];
  className?: string;
  children: ReactNode;
}) {
  return (
    <div className="card">
      <table className={cx("rows", className)}>
        <caption className="sr">{caption}</caption>
        {cols ? (
          <colgroup>
            {cols.map((col) => (
              <col className={col} key={col} />
            ))}
          </colgroup>
        ) : null}
        {children}
      </table>
    </div>
  );
}

/** A row. `needs`: a person must act. `selected`: chosen or just authorized. Arrow keys move between rows' first links (see `useRowKeys`). */
export function Row({ needs, selected, ...rest }: ComponentProps<"tr"> & { needs?: boolean; selected?: boolean }) {
  return <tr data-needs={needs || undefined} aria-selected={selected || undefined} {...rest} />;
}
