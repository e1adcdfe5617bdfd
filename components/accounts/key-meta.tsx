"use client";

import { RelativeTime } from "@/components/ui/relative-time";
import { useNow } from "@/components/ui/ticker";

export interface KeyMetaProps {
  prefix?: string | null;
  username?: string;
  created_at?: string;
  expires_at?: string | null;
  last_used_at?: string | null;
}

/** The line under a key's name: how it begins, when it was made, used, and ends. */
export function KeyMeta({ prefix, username, created_at, expires_at, last_used_at }: KeyMetaProps) {
  const now = useNow();
  const over = expires_at ? Date.parse(expires_at) <= now && now > 0 : false;
  return (
    <div className="meta">
      {username ? <span className="code">{username}</span> : null}
      {prefix ? <span className="code">{prefix}…</span> : null}
      {created_at ? (
        <span>
          Created <RelativeTime at={created_at} />
        </span>
      ) : null}
      <span>{last_used_at ? <RelativeTime at={last_used_at} prefix="Used " /> : "Never used"}</span>
      {expires_at ? (
        <span className={over ? "bad" : undefined}>
          <RelativeTime at={expires_at} prefix={over ? "Expired " : "Expires "} />
        </span>
      ) : (
        <span>No expiry</span>
      )}
    </div>
  );
}
