"use client";

import Link from "next/link";
import { useEffect, useState } from "react";
import { useOpenedEndpoints } from "@/components/endpoints/opened-endpoints";
import { Lines } from "@/components/ui/lines";
import { Tabs } from "@/components/ui/tabs";
import type { AuthSecret, Endpoint } from "@/lib/sdk/resources";
import { KEY_FILE_COMMAND } from "./outbound-lines";
import { NO_ENDPOINT, useLinesOf } from "./use-lines";

/** Ready lines for exactly this secret, for whoever writes the step that uses it. */
export function UseIt({ workspaceId, secret }: { workspaceId: string; secret: AuthSecret }) {
  const [origin, setOrigin] = useState("");
  useEffect(() => setOrigin(window.location.origin), []);
  const [opened] = useOpenedEndpoints(workspaceId, secret);
  const lines = useLinesOf(origin, workspaceId, secret, opened?.attributes.check_url);
  const tab = (value: string, label: string, text: string) => ({
    value,
    label,
    content: <Lines what={label} text={text} />,
  });
  const hostless = secret.attributes.allowed_hosts.length === 0 ? <NoHost /> : null;
  const through = (text: string) => ({
    value: "through",
    label: "Through Latchkey",
    content: (
      <>
        <Lines what="a request through Latchkey" text={text} />
        {hostless}
      </>
    ),
  });
  const outgoing = (text: string) => ({
    value: "outgoing",
    label: "nginx, outgoing",
    content: (
      <>
        <Lines what="nginx" text={text} />
        <p className="help">
          Programs that ask nginx so use this secret without knowing it. nginx reads the key of a file, made once by
          root:
        </p>
        <Lines what="the file with the key" text={KEY_FILE_COMMAND} />
        {hostless}
      </>
    ),
  });
  const incoming = (text: string) => ({
    value: "incoming",
    label: "nginx, incoming",
    content: (
      <>
        <Lines what="nginx" text={text} />
        <OpenedBy workspaceId={workspaceId} endpoint={opened} />
      </>
    ),
  });
  return (
    <section className="sect">
      <h3>
        Use it{" "}
        <Link className="link end" href={`/workspaces/${workspaceId}/secrets/${secret.id}/try`}>
          Try it
        </Link>
      </h3>
      <Tabs
        label="Use it with"
        tabs={[
          tab("curl", "curl", lines.curl),
          tab("program", "TypeScript", lines.program),
          ...(lines.commandLine === null ? [] : [tab("command", "Command line", lines.commandLine)]),
          ...(lines.through === null ? [] : [through(lines.through)]),
          ...(lines.outgoing === null ? [] : [outgoing(lines.outgoing)]),
          ...(lines.incoming === null ? [] : [incoming(lines.incoming)]),
        ]}
      />
      <p className="help">
        The key is an API key of yours, or better a task identity&apos;s, from the workspace&apos;s settings.
      </p>
    </section>
  );
}

function NoHost() {
  return <p className="help">This secret may not go to any host yet: edit it and allow one.</p>;
}

/** By which endpoint the lines for nginx let callers through. */
function OpenedBy({ workspaceId, endpoint }: { workspaceId: string; endpoint: Endpoint | undefined }) {
  if (endpoint)
    return (
      <p className="help">
        Callers who know this secret pass by the endpoint{" "}
        <Link className="link" href={`/workspaces/${workspaceId}/endpoints/${endpoint.id}`}>
          {endpoint.attributes.name}
        </Link>
        .
      </p>
    );
  return (
    <p className="help">
      Needs an endpoint that this secret opens:{" "}
      <Link className="link" href={`/workspaces/${workspaceId}/endpoints/new`}>
        add one
      </Link>
      , and put its id in place of {NO_ENDPOINT}.
    </p>
  );
}
