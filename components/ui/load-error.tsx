"use client";

import { RotateCw } from "lucide-react";
import type { ReactNode } from "react";
import { Button } from "./button";

export interface LoadErrorProps {
  /** What could not be loaded: "The secrets could not be loaded." */
  title: ReactNode;
  /** The error; its message is shown, with the request id when it carries one. */
  error?: unknown;
  onRetry?: () => void;
  busy?: boolean;
}

/** A list or page that could not be loaded, with the reason and a way to try again. */
export function LoadError({ title, error, onRetry, busy }: LoadErrorProps) {
  const requestId =
    error instanceof Error && "requestId" in error && typeof error.requestId === "string" ? error.requestId : null;
  return (
    <div className="empty empty-small" role="alert">
      <h2>{title}</h2>
      {error instanceof Error ? <p>{error.message}</p> : null}
      {requestId ? (
        <p className="small muted">
          Request <span className="code">{requestId}</span>
        </p>
      ) : null}
      {onRetry ? (
        <div className="row">
          <Button onClick={onRetry} busy={busy ?? false}>
            <RotateCw className="i" aria-hidden />
            Try again
          </Button>
        </div>
      ) : null}
    </div>
  );
}
