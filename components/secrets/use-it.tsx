"use client";

import Link from "next/link";
import { useEffect, useState } from "react";
import { useOpenedEndpoints } from "@/components/endpoints/opened-endpoints";
import { Lines } from "@/components/ui/lines";
import { Tabs } from "@/components/ui/tabs";
import type { AuthSecret } from "@/lib/sdk/resources";
import { useLinesOf } from "./use-lines";

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
          ...(lines.through === null ? [] : [tab("through", "Through Latchkey", lines.through)]),
          ...(lines.nginx === null ? [] : [tab("nginx", "nginx", lines.nginx)]),
        ]}
      />
      {secret.attributes.allowed_hosts.length === 0 && lines.through !== null ? (
        <p className="help">Requests through Latchkey need a host that this secret may go to: edit it and allow one.</p>
      ) : null}
      {lines.nginx === null ? null : opened ? (
        <p className="help">
          With the lines for nginx, callers who know this secret pass by the endpoint{" "}
          <Link className="link" href={`/workspaces/${workspaceId}/endpoints/${opened.id}`}>
            {opened.attributes.name}
          </Link>
          .
        </p>
      ) : (
        <p className="help">
          The lines for nginx need an endpoint that this secret opens:{" "}
          <Link className="link" href={`/workspaces/${workspaceId}/endpoints/new`}>
            add one
          </Link>
          , and put its id in place of ENDPOINT.
        </p>
      )}
      <p className="help">
        The key is an API key of yours, or better a task identity&apos;s, from the workspace&apos;s settings.
      </p>
    </section>
  );
}
