import type { ReactNode } from "react";
import { LatchkeyError } from "@/lib/sdk/errors";
import { EmptyState } from "./empty-state";
import { LoadError, type Query } from "./load-error";
import { PageHead } from "./page-head";
import { SkeletonRows } from "./skeleton-rows";

/** A page of things of one kind: its head, and what stands in the list's place while there is none. */
export function ListPage({
  one,
  total,
  query,
  rows,
  add,
  empty,
  children,
}: {
  /** One of them in small letters, such as "auth client". */
  one: string;
  /** How many there are; undefined while that is not known. */
  total: number | undefined;
  query: Query & { data: unknown };
  /** How many rows are shown while it loads. */
  rows: number;
  /** The button that adds one; null where that is not allowed. */
  add: ReactNode;
  /** What one is, where there is none yet. */
  empty: ReactNode;
  children: ReactNode;
}) {
  const many = `${one}s`;
  const refused = query.error instanceof LatchkeyError && (query.error.status === 403 || query.error.status === 404);
  const instead = query.isPending ? (
    <SkeletonRows rows={rows} label={`Loading ${many}`} />
  ) : query.error && !query.data ? (
    refused ? (
      <EmptyState title={`You may not see the ${many} here`}>
        It needs a role here that allows it. Ask someone who owns the workspace.
      </EmptyState>
    ) : (
      <LoadError title={`The ${many} could not be loaded.`} query={query} />
    )
  ) : total === 0 ? (
    <EmptyState title={`No ${many} yet`} actions={add}>
      {empty}
    </EmptyState>
  ) : null;
  return (
    <div className="page">
      <PageHead
        title={many.charAt(0).toUpperCase() + many.slice(1)}
        count={total === undefined ? undefined : { n: total, label: total === 1 ? one : many }}
      >
        {refused || total === 0 ? null : add}
      </PageHead>
      {instead ? <div className="card mt-6">{instead}</div> : children}
    </div>
  );
}
