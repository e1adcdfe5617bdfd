import type { ReactNode } from "react";
import { Mark } from "./mark";

export interface EmptyStateProps {
  title: ReactNode;
  /** One sentence. */
  children?: ReactNode;
  /** Buttons. */
  actions?: ReactNode;
  /** A quiet line at the very bottom. */
  foot?: ReactNode;
  /** Less air, for an empty part of a page. */
  small?: boolean;
}

/** Nothing here: first time, no match (offer "Clear filters") or no permission. */
export function EmptyState({ title, children, actions, foot, small }: EmptyStateProps) {
  return (
    <>
      <div className={small ? "empty empty-small" : "empty"}>
        {small ? null : <Mark />}
        <h2>{title}</h2>
        {children ? <p>{children}</p> : null}
        {actions ? <div className="row">{actions}</div> : null}
      </div>
      {foot ? <div className="ghost">{foot}</div> : null}
    </>
  );
}
