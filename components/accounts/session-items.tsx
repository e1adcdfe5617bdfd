"use client";

import { Button } from "@/components/ui/button";
import { RelativeTime } from "@/components/ui/relative-time";
import { Tag } from "@/components/ui/tag";
import type { Session } from "@/lib/sdk/resources";
import { browserWords } from "./browser-words";

export interface SessionItemsProps {
  sessions: readonly Session[];
  /** The session being ended. */
  ending: string | null;
  /** Without it nothing can be ended here. */
  onEnd?: ((id: string) => void) | undefined;
}

/** Browsers somebody is signed in with, each with its end; the one that asks has none. */
export function SessionItems({ sessions, ending, onEnd }: SessionItemsProps) {
  return (
    <ul className="list">
      {sessions.map(({ id, attributes }) => (
        <li key={id}>
          <div className="grow">
            <b>{browserWords(attributes.user_agent)}</b> {attributes.current ? <Tag>This one</Tag> : null}
            <div className="meta">
              {attributes.ip || attributes.source ? <span>{attributes.ip ?? attributes.source}</span> : null}
              {attributes.created_at ? <RelativeTime at={attributes.created_at} prefix="Signed in " /> : null}
              {attributes.last_used_at ? <RelativeTime at={attributes.last_used_at} prefix="Active " /> : null}
            </div>
          </div>
          {attributes.current || !onEnd ? null : (
            <Button
              size="sm"
              busy={ending === id}
              aria-label={`End session: ${browserWords(attributes.user_agent)}`}
              onClick={() => onEnd(id)}
            >
              End
            </Button>
          )}
        </li>
      ))}
    </ul>
  );
}
