"use client";

import { useQuery } from "@tanstack/react-query";
import { Ban, Check, TriangleAlert } from "lucide-react";
import { useState } from "react";
import { Loaded } from "@/components/accounts/loaded";
import { Section } from "@/components/accounts/section";
import { useMay } from "@/components/frame/use-may";
import { EmptyState } from "@/components/ui/empty-state";
import { LogTable } from "@/components/ui/log-table";
import { RelativeTime } from "@/components/ui/relative-time";
import type { EndpointCheck } from "@/lib/sdk/resources";
import { checkWords } from "./endpoint-words";
import { checksQuery } from "./queries";

const OUTCOMES = {
  opened: { icon: Check, word: "Let through", className: "tone-quiet" },
  refused: { icon: Ban, word: "Refused", className: "tone-danger" },
  failed: { icon: TriangleAlert, word: "Not judged", className: "tone-warn" },
} as const;

/** Who asked lately and what came of it, newest first. */
export function ChecksSection({ workspaceId, endpointId }: { workspaceId: string; endpointId: string }) {
  const may = useMay(workspaceId);
  return (
    <Section title="Log" text="The latest requests. Like requests of one minute are one line.">
      {may("workspaces.audit.get") === false ? (
        <div className="card">
          <EmptyState small title="You may not see the log">
            It needs the right to see what happened in the workspace. Ask its owner.
          </EmptyState>
        </div>
      ) : (
        <Checks workspaceId={workspaceId} endpointId={endpointId} />
      )}
    </Section>
  );
}

function Checks({ workspaceId, endpointId }: { workspaceId: string; endpointId: string }) {
  const [page, setPage] = useState(1);
  const checks = useQuery(checksQuery(workspaceId, endpointId, page));
  const rows = checks.data?.data ?? [];
  if (rows.length === 0)
    return (
      <div className="card">
        <Loaded query={checks} what="log">
          <EmptyState small title="Nobody has asked yet">
            Put the lines above into your proxy. Each request it asks about shows here within a second or two.
          </EmptyState>
        </Loaded>
      </div>
    );
  return (
    <LogTable
      caption="Latest requests"
      who="From"
      className="checks"
      page={page}
      totalPages={checks.data?.meta.total_pages}
      onPage={setPage}
    >
      {rows.map((row) => (
        <CheckRow key={row.id} {...row.attributes} />
      ))}
    </LogTable>
  );
}

function CheckRow(check: EndpointCheck["attributes"]) {
  const result = OUTCOMES[check.outcome];
  const Icon = result.icon;
  return (
    <tr>
      <td className="a-when">
        <RelativeTime at={check.last_at} />
      </td>
      <td className="a-what">
        <div>{checkWords(check)}</div>
        {check.count > 1 ? <div className="a-more">{check.count} times</div> : null}
      </td>
      <td className="a-who">{check.address ?? "Many addresses"}</td>
      <td className="a-result">
        <span className={`result ${result.className}`}>
          <Icon className="i i-sm" aria-hidden />
          {result.word}
        </span>
      </td>
    </tr>
  );
}
