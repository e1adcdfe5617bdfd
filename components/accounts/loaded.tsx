import type { ReactNode } from "react";
import { LoadError, type Query } from "@/components/ui/load-error";
import { SkeletonRows } from "@/components/ui/skeleton-rows";

/** What a query found, once it is there: until then rows in outline, or what went wrong and a way to try again. `what`: "API keys". */
export function Loaded({ query, what, children }: { query: Query; what: string; children: ReactNode }) {
  if (query.isPending) return <SkeletonRows rows={2} label={`Loading ${what}`} />;
  if (query.error) return <LoadError title={`The ${what} could not be loaded.`} query={query} />;
  return children;
}
