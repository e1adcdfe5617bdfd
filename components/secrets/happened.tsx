"use client";

import Link from "next/link";
import { useMay } from "@/components/frame/use-may";
import { SecretTimeline } from "./secret-timeline";

/** What happened to a secret, and where to read who used it. */
export function Happened({ workspaceId, secretId }: { workspaceId: string; secretId: string }) {
  return (
    <section className="sect">
      <h3>
        What happened <WhoUsed workspaceId={workspaceId} secretId={secretId} />
      </h3>
      <SecretTimeline workspaceId={workspaceId} secretId={secretId} />
    </section>
  );
}

/** The trail of this secret alone: who read it, when, and where its requests went (AU-6). Only for who may see it. */
function WhoUsed({ workspaceId, secretId }: { workspaceId: string; secretId: string }) {
  const may = useMay(workspaceId);
  if (may("workspaces.audit.get") === false) return null;
  return (
    <Link className="link end" href={`/workspaces/${workspaceId}/activity?secret=${secretId}`}>
      Who used this
    </Link>
  );
}
