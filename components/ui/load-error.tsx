"use client";

import { RotateCw } from "lucide-react";
import type { ReactNode } from "react";
import { Button } from "./button";

interface LoadErrorProps {
  /** What could not be loaded: "The secrets could not be loaded." */
  title: ReactNode;
  /** What failed: its error's message is shown, with the request id when it carries one, and it can be asked for again. */
  query: Pick<Query, "error" | "isFetching" | "refetch">;
}

/** What a screen needs to know of a query (of @tanstack/react-query) to show what stands in the place of its data. */
export interface Query {
  isPending: boolean;
  isFetching: boolean;
  error: Error | null;
  refetch: () => unknown;
}

/** A list or page that could not be loaded, with the reason and a way to try again. */
export function LoadError({ title, query: { error, isFetching, refetch } }: LoadErrorProps) {
  const requestId = error && "requestId" in error && typeof error.requestId === "string" ? error.requestId : null;
  return (
    <div className="empty empty-small" role="alert">
      <h2>{title}</h2>
      {error ? <p>{error.message}</p> : null}
      {requestId ? (
        <p className="small muted">
          Request <span className="code">{requestId}</span>
        </p>
      ) : null}
      <div className="row">
        <Button onClick={() => void refetch()} busy={isFetching}>
          <RotateCw className="i" aria-hidden />
          Try again
        </Button>
      </div>
    </div>
  );
}
