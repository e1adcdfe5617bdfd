"use client";

import type { CSSProperties } from "react";
import { cx } from "./cx";
import { useNow } from "./ticker";
import { clockWords } from "./time-words";

export interface LifetimeBarProps {
  /** ISO times. Without an expiry there is no bar. */
  issuedAt: string | null | undefined;
  expiresAt: string | null | undefined;
  renewsAt?: string | null | undefined;
  renewing?: boolean;
}

/** A thin bar from issue to expiry with now and the renewal point on it; hatched once expired. */
export function LifetimeBar({ issuedAt, expiresAt, renewsAt, renewing = false }: LifetimeBarProps) {
  const now = useNow();
  const start = Date.parse(issuedAt ?? "");
  const end = Date.parse(expiresAt ?? "");
  if (now === 0 || Number.isNaN(start) || Number.isNaN(end) || end <= start) return null;
  const at = (time: number) => Math.min(100, Math.max(0, ((time - start) / (end - start)) * 100));
  const dead = now >= end;
  const renew = Date.parse(renewsAt ?? "");
  const hasRenew = !Number.isNaN(renew) && renew > start && renew <= end && !dead;
  const here = at(now);
  const clock = (time: number) => clockWords(time, now);
  const label = [
    `Issued ${clock(start)}`,
    dead ? null : `now ${clock(now)}`,
    hasRenew ? (renewing ? "renewing now" : `renews ${clock(renew)}`) : null,
    `${dead ? "expired" : "expires"} ${clock(end)}`,
  ];
  const renewAt = hasRenew ? at(renew) : 100;
  // "Now" and "Renews" share one line: near each other the first gives way, because the second says the same.
  const showNow = !dead && (!hasRenew || Math.abs(here - renewAt) > 45);
  return (
    <div
      className={cx("life", dead && "is-dead")}
      style={{ "--now": `${here}%`, "--renew": `${renewAt}%` } as CSSProperties}
      role="img"
      aria-label={label.filter(Boolean).join(", ")}
    >
      <div className="life-top">
        {showNow ? <span className="at-now">Now {clock(now)}</span> : null}
        {hasRenew ? (
          <span className="at-renew">
            {renewing ? "Renewing now" : renew <= now ? "Renewal is due" : `Renews ${clock(renew)}`}
          </span>
        ) : null}
      </div>
      <div className="life-track">
        {dead ? null : (
          <>
            <span className="life-left" />
            <span className="life-now" />
            {hasRenew ? <span className="life-renew" /> : null}
          </>
        )}
      </div>
      <div className="life-bottom">
        <span>Issued {clock(start)}</span>
        <span>
          {dead ? "Expired" : "Expires"} {clock(end)}
        </span>
      </div>
    </div>
  );
}
