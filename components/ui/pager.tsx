"use client";

import { ChevronLeft, ChevronRight } from "lucide-react";
import { Button } from "./button";

/** Steps through numbered pages; absent when there is only one. */
export function Pager({
  page,
  totalPages,
  onChange,
}: {
  page: number;
  totalPages: number;
  onChange: (page: number) => void;
}) {
  if (totalPages <= 1) return null;
  return (
    <nav className="pager" aria-label="Pages">
      <Button
        size="sm"
        icon
        aria-label="Previous page"
        disabledReason={page <= 1 ? "This is the first page." : null}
        onClick={() => onChange(page - 1)}
      >
        <ChevronLeft className="i" aria-hidden />
      </Button>
      <span>
        Page {page} of {totalPages}
      </span>
      <Button
        size="sm"
        icon
        aria-label="Next page"
        disabledReason={page >= totalPages ? "This is the last page." : null}
        onClick={() => onChange(page + 1)}
      >
        <ChevronRight className="i" aria-hidden />
      </Button>
    </nav>
  );
}
