import type { UseQueryResult } from "@tanstack/react-query";
import Link from "next/link";
import { Button } from "@/components/ui/button";
import { EmptyState } from "@/components/ui/empty-state";
import { LoadError } from "@/components/ui/load-error";
import { SkeletonRows } from "@/components/ui/skeleton-rows";
import { LatchkeyError } from "@/lib/sdk/errors";

/** A page of a secret that is not there: not yet, not here, or not to be loaded. */
export function SecretNotLoaded({ query, list }: { query: UseQueryResult; list: string }) {
  if (query.isPending) return <SkeletonRows rows={6} label="Loading the secret" />;
  if (query.error instanceof LatchkeyError && (query.error.status === 404 || query.error.status === 403))
    return (
      <EmptyState
        small
        title="This secret is not here"
        actions={
          <Button asChild>
            <Link href={list}>Back to secrets</Link>
          </Button>
        }
      >
        It was deleted, or you have no access to it.
      </EmptyState>
    );
  return (
    <LoadError
      title="The secret could not be loaded."
      error={query.error}
      busy={query.isFetching}
      onRetry={() => void query.refetch()}
    />
  );
}
