"use client";

import { useInfiniteQuery } from "@tanstack/react-query";
import {
  Ban,
  Clock,
  Eye,
  KeyRound,
  type LucideIcon,
  Pencil,
  Plus,
  RefreshCw,
  Trash2,
  TriangleAlert,
} from "lucide-react";
import type { ReactNode } from "react";
import { Button } from "@/components/ui/button";
import { LoadError } from "@/components/ui/load-error";
import { RelativeTime } from "@/components/ui/relative-time";
import { SkeletonRows } from "@/components/ui/skeleton-rows";
import { Timeline, type TimelineItem } from "@/components/ui/timeline";
import type { SecretEvent, SecretEventName } from "@/lib/sdk/resources";
import { historyQuery } from "./queries";

interface Look {
  title: string;
  icon: LucideIcon;
  tone?: NonNullable<TimelineItem["tone"]>;
}

const LOOKS: Record<SecretEventName, Look> = {
  created: { title: "Added", icon: Plus },
  authorized: { title: "Authorized", icon: KeyRound, tone: "info" },
  refreshed: { title: "Refreshed", icon: RefreshCw, tone: "ok" },
  refresh_failed: { title: "Refresh failed.", icon: Clock, tone: "warn" },
  refused: { title: "Reported as refused", icon: Ban },
  reauthorization_needed: { title: "Needs re-authorization.", icon: TriangleAlert, tone: "bad" },
  revealed: { title: "Revealed", icon: Eye },
  forgotten: { title: "Tokens forgotten", icon: Trash2 },
  edited: { title: "Edited", icon: Pencil },
};

function took(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

function nameOf(actor: SecretEvent["attributes"]["actor"]): string | null {
  if (actor === null || actor === undefined) return null;
  return typeof actor === "string" ? actor : actor.name;
}

const FIELDS: Readonly<Record<string, string>> = { access_token: "Access token", refresh_token: "Refresh token" };

const EDITED: Readonly<Record<string, string>> = {
  name: "name",
  scope: "scopes",
  additional_params: "additional parameters",
  fields: "fields",
  credentials: "values",
};

/** What was edited comes as names of the wire; anything else is a sentence already. */
function editedWords(detail: string): string {
  return detail
    .split(", ")
    .map((name) => EDITED[name] ?? name)
    .join(", ");
}

function titleOf({ event, detail }: SecretEvent["attributes"]): string {
  if (event === "revealed" && detail) return `${FIELDS[detail] ?? detail} revealed`;
  return LOOKS[event]?.title ?? event;
}

function detailOf({ event, actor, duration_ms, detail, next_attempt_at }: SecretEvent["attributes"]): ReactNode {
  const by = nameOf(actor);
  return (
    <>
      {event === "refreshed" && duration_ms !== null && duration_ms !== undefined ? `in ${took(duration_ms)}` : null}
      {by ? ` by ${by}` : null}
      {detail && event !== "revealed"
        ? `${event === "edited" ? ": " : event === "refreshed" || by ? ". " : " "}${(event === "edited" ? editedWords(detail) : detail).replace(/\.?$/u, ".")}`
        : null}
      {event === "refresh_failed" && next_attempt_at ? (
        <>
          {" "}
          Next try <RelativeTime at={next_attempt_at} />.
        </>
      ) : null}
    </>
  );
}

/** What happened to a secret, newest first, with reasons; older entries on request. */
export function SecretTimeline({ workspaceId, secretId }: { workspaceId: string; secretId: string }) {
  const history = useInfiniteQuery(historyQuery(workspaceId, secretId));
  if (history.isPending) return <SkeletonRows rows={3} label="Loading what happened" />;
  if (history.error && !history.data) return <LoadError title="What happened could not be loaded." query={history} />;
  // Entries added meanwhile push others onto the next page, where they are read a second time.
  const seen = new Map(history.data.pages.flatMap((page) => page.data.map((event) => [event.id, event] as const)));
  const items = [...seen.values()].map((event): TimelineItem => {
    const look: Pick<Look, "icon" | "tone"> = LOOKS[event.attributes.event] ?? { icon: Clock };
    return {
      id: event.id,
      icon: look.icon,
      title: titleOf(event.attributes),
      at: event.attributes.at,
      detail: detailOf(event.attributes),
      ...(look.tone ? { tone: look.tone } : {}),
    };
  });
  if (items.length === 0) return <p className="small muted">Nothing yet.</p>;
  return (
    <Timeline items={items}>
      {history.hasNextPage ? (
        <div className="acts">
          <Button size="sm" busy={history.isFetchingNextPage} onClick={() => void history.fetchNextPage()}>
            Load older
          </Button>
        </div>
      ) : null}
    </Timeline>
  );
}
