import type { ReactNode } from "react";

/** Name and value pairs in a bordered list; each may have small buttons at its end. */
export function Facts({
  items,
}: {
  items: { label: ReactNode; value: ReactNode; actions?: ReactNode; key?: string }[];
}) {
  return (
    <dl className="facts">
      {items.map((item, index) => (
        <div className="fact" key={item.key ?? (typeof item.label === "string" ? item.label : index)}>
          <dt>{item.label}</dt>
          <dd className="val">{item.value}</dd>
          <dd className="fact-acts">{item.actions}</dd>
        </div>
      ))}
    </dl>
  );
}
