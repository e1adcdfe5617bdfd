import { Skeleton } from "./skeleton";

/** The structure of a list while it loads; announced once as loading. */
export function SkeletonRows({ rows = 5, label = "Loading" }: { rows?: number; label?: string }) {
  return (
    <div className="skeleton-rows" role="status" aria-label={label}>
      {Array.from({ length: rows }, (_, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the rows are identical and never reordered
        <div key={row} className="skeleton-row">
          <span className="skeleton skeleton-tile" aria-hidden />
          <Skeleton w={row % 2 ? 16 : 24} />
          <Skeleton w={8} />
          <Skeleton w={12} className="skeleton-end" />
        </div>
      ))}
    </div>
  );
}
