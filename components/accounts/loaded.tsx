import type { ReactNode } from "react";
import { LoadError } from "@/components/ui/load-error";
import { SkeletonRows } from "@/components/ui/skeleton-rows";

interface Loading {
  isPending: boolean;
  isFetching: boolean;
  error: Error | null;
  refetch: () => unknown;
}

/** What a query found, once it is there: until then rows in outline, or what went wrong and a way to try again. `what`: "API keys". */
export function Loaded({ query, what, children }: { query: Loading; what: string; children: ReactNode }) {
  if (query.isPending) return <SkeletonRows rows={2} label={`Loading ${what}`} />;
  if (query.error)
    return (
      <LoadError
        title={`The ${what} could not be loaded.`}
        error={query.error}
        busy={query.isFetching}
        onRetry={() => void query.refetch()}
      />
    );
  return children;
}
