import Link from "next/link";
import { LatchkeyError } from "@/lib/sdk/errors";
import { Button } from "./button";
import { EmptyState } from "./empty-state";
import { LoadError, type Query } from "./load-error";
import { SkeletonRows } from "./skeleton-rows";

/**
 * What stands in place of one thing that is not there: not yet, not here, or not to be loaded.
 *
 * @param what in small letters, such as "auth client"
 * @param list where all of them are
 */
export function NotLoaded({ what, list, query }: { what: string; list: string; query: Query }) {
  if (query.isPending) return <SkeletonRows rows={6} label={`Loading the ${what}`} />;
  if (query.error instanceof LatchkeyError && (query.error.status === 404 || query.error.status === 403))
    return (
      <EmptyState
        small
        title={`This ${what} is not here`}
        actions={
          <Button asChild>
            <Link href={list}>Back to {what}s</Link>
          </Button>
        }
      >
        It was deleted, or you have no access to it.
      </EmptyState>
    );
  return <LoadError title={`The ${what} could not be loaded.`} query={query} />;
}
