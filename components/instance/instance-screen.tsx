"use client";

import { useQuery } from "@tanstack/react-query";
import { Section } from "@/components/accounts/section";
import { api } from "@/components/frame/api";
import { EmptyState } from "@/components/ui/empty-state";
import { Facts } from "@/components/ui/facts";
import { LoadError } from "@/components/ui/load-error";
import { Note } from "@/components/ui/note";
import { PageHead } from "@/components/ui/page-head";
import { RelativeTime } from "@/components/ui/relative-time";
import { SkeletonRows } from "@/components/ui/skeleton-rows";
import { LatchkeyError } from "@/lib/sdk/errors";
import type { Instance } from "@/lib/sdk/resources";
import { MasterKeySection } from "./master-key-section";

const ROLES = {
  all: "Pages, API, refreshing",
  web: "Pages and API; refreshing is a worker's",
  worker: "Refreshing",
};

/** How the instance is set up, for its operator: read only, because settings are the environment's. */
export function InstanceScreen() {
  const query = useQuery({ queryKey: ["instance"], queryFn: ({ signal }) => api.instance.get({ signal }) });
  const refused = query.error instanceof LatchkeyError && query.error.status === 403;
  return (
    <div className="page">
      <PageHead title="Instance" />
      {query.data ? (
        <Sections it={query.data.data.attributes} />
      ) : (
        <div className="card">
          {refused ? (
            <EmptyState small title="This page is for the operator">
              It tells how this Latchkey is set up. Whoever runs it can see it.
            </EmptyState>
          ) : query.error ? (
            <LoadError title="The instance could not be loaded." query={query} />
          ) : (
            <SkeletonRows rows={8} label="Loading the instance" />
          )}
        </div>
      )}
    </div>
  );
}

function Sections({ it }: { it: Instance["attributes"] }) {
  return (
    <div className="sections">
      {it.bootstrap_settings_left ? (
        <Note tone="warn">
          The settings LATCHKEY_BOOTSTRAP_* are still there. The first account exists, so they only hold a password that
          somebody might read; take them out.
        </Note>
      ) : null}
      <Section title="Process" text="The one that answered. Others of this instance may be set up otherwise.">
        <Facts
          items={[
            { label: "Version", value: it.version },
            { label: "Node.js", value: it.node_version },
            {
              label: "Address",
              value: (
                <>
                  <span className="code">{it.url}</span>
                  {it.https ? null : <span className="muted">Plain http</span>}
                </>
              ),
            },
            { label: "Role", value: ROLES[it.role] },
            { label: "Running since", value: <RelativeTime at={it.started_at} /> },
            { label: "Log level", value: it.log_level },
            { label: "Metrics", value: it.metrics_protected ? "Need a token" : "Open to whoever reaches them" },
            { label: "Trusted proxies", value: <List items={it.trusted_proxies} none="None" /> },
          ]}
        />
      </Section>
      <Section
        title="Outgoing calls"
        text="Public https addresses are always allowed; metadata services of clouds never are, also when listed."
      >
        <Facts
          items={[
            { label: "Allowed besides", value: <List items={it.egress_allow} none="Nothing" /> },
            {
              label: "Last changed",
              value: it.egress_allow_since ? <RelativeTime at={it.egress_allow_since} /> : "Never",
            },
          ]}
        />
      </Section>
      <MasterKeySection />
      <Section title="Database">
        <Facts
          items={[
            {
              label: "PostgreSQL",
              value: `${it.database.version}, ${it.database.kind === "embedded" ? "embedded" : "a server of its own"}`,
            },
            { label: "Connections", value: `At most ${it.database.connections}` },
          ]}
        />
      </Section>
      <Section title="Limits">
        <Facts
          items={[
            { label: "Refresh lead", value: `${it.refresh_lead_s + 60} seconds at least` },
            {
              label: "Activity is kept",
              value: (
                <>
                  {it.audit.retention_days} days
                  {it.audit.since ? (
                    <span className="muted">In months, since {new Date(it.audit.since).toISOString().slice(0, 7)}</span>
                  ) : null}
                </>
              ),
            },
          ]}
        />
      </Section>
    </div>
  );
}

function List({ items, none }: { items: readonly string[]; none: string }) {
  if (items.length === 0) return <span className="muted">{none}</span>;
  return (
    <>
      {items.map((item) => (
        <span className="code" key={item}>
          {item}
        </span>
      ))}
    </>
  );
}
