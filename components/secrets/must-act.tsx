"use client";

import { ExternalLink } from "lucide-react";
import Link from "next/link";
import { Button } from "@/components/ui/button";
import { CopyButton } from "@/components/ui/copy-button";
import { RelativeTime } from "@/components/ui/relative-time";
import type { AuthSecret } from "@/lib/sdk/resources";
import { asksByItself, cureOf, whoWords } from "./cure";
import type { ClientSummary } from "./included";

/** What a person must do about a secret, who may, and the button that does it. The first thing in the drawer. */
export function MustAct({
  workspaceId,
  secret,
  client,
  busy,
  mayEdit,
  onRequest,
}: {
  workspaceId: string;
  secret: AuthSecret;
  client: ClientSummary | null;
  busy: boolean;
  mayEdit: boolean;
  onRequest: () => void;
}) {
  const { status, problem } = secret.attributes;
  const cure = cureOf(secret);
  const title = problem?.title ?? (status === "unauthorized" ? "Nobody has granted access yet" : "A person must act");
  return (
    <div className="must" role="alert">
      <svg className="i" viewBox="0 0 16 16" aria-hidden="true">
        <path
          className="must-shape"
          d="M7.05 1.9a1.1 1.1 0 0 1 1.9 0l6 10.6a1.1 1.1 0 0 1-.95 1.65H2a1.1 1.1 0 0 1-.95-1.65Z"
        />
        <path className="must-knock" d="M8 6v3.25M8 11.5v.1" />
      </svg>
      <div>
        <p className="say must-say">{title.replace(/\.?$/u, ".")}</p>
        {problem?.detail ? <p>{problem.detail}</p> : null}
        {problem ? (
          <p>
            <b className="must-who">Who can do it:</b>{" "}
            {whoWords(problem.who, client?.name ?? null, asksByItself(secret))}{" "}
            {status === "unauthorized" ? null : (
              <span className="muted">
                Since <RelativeTime at={problem.since} />.
              </span>
            )}
          </p>
        ) : null}
        <div className="acts">
          {cure?.kind === "client" && client ? (
            <Button variant="primary" asChild>
              <Link href={`/workspaces/${workspaceId}/auth-clients/${client.id}`}>Open client {client.name}</Link>
            </Button>
          ) : cure?.kind === "edit" ? (
            <Button variant="primary" asChild>
              <Link href={`/workspaces/${workspaceId}/secrets/${secret.id}/edit`}>{cure.label}</Link>
            </Button>
          ) : asksByItself(secret) ? null : (
            <Button
              variant="primary"
              busy={busy}
              disabledReason={mayEdit ? null : "You may not authorize secrets here."}
              onClick={onRequest}
            >
              Request access token
              <ExternalLink className="i" aria-hidden />
            </Button>
          )}
          {/* Who signs in at the provider may be a colleague; the link leads them to this very place. */}
          <CopyButton
            text={() =>
              Promise.resolve(`${window.location.origin}/workspaces/${workspaceId}/secrets?manage=${secret.id}`)
            }
            label="Copy link for a colleague"
          />
        </div>
      </div>
    </div>
  );
}
