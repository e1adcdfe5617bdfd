"use client";

import { useQuery } from "@tanstack/react-query";
import { Plus, TriangleAlert } from "lucide-react";
import Link from "next/link";
import { useMemo, useState } from "react";
import { useMay } from "@/components/frame/use-may";
import { Button } from "@/components/ui/button";
import { EmptyState } from "@/components/ui/empty-state";
import { Kbd } from "@/components/ui/kbd";
import { ListPage } from "@/components/ui/list-page";
import { moveInRows } from "@/components/ui/row-keys";
import { SearchField } from "@/components/ui/search-field";
import { Row, Table } from "@/components/ui/table";
import { Tag } from "@/components/ui/tag";
import { Tile } from "@/components/ui/tile";
import { visibilityOf } from "@/lib/sdk/auth-clients";
import type { AuthClient } from "@/lib/sdk/resources";
import { SECRET_TYPES } from "@/lib/secret-types";
import { clientsQuery } from "./queries";
import { VISIBILITY_WORDS } from "./visibility";

const COLS = ["c-name", "c-type", "c-host", "c-vis", "c-uses", "c-trouble"];

/** The auth clients that can be used in a workspace, its own and those from above. */
export function ClientsScreen({ workspaceId }: { workspaceId: string }) {
  const may = useMay(workspaceId);
  const list = useQuery(clientsQuery(workspaceId));
  const [search, setSearch] = useState("");
  const here = `/workspaces/${workspaceId}/auth-clients`;
  const all = useMemo(
    () =>
      [...(list.data?.data ?? [])].sort(
        (a, b) =>
          Number(Boolean(b.attributes.problem)) - Number(Boolean(a.attributes.problem)) ||
          a.attributes.name.localeCompare(b.attributes.name),
      ),
    [list.data],
  );
  const words = search.trim().toLowerCase().split(/\s+/u).filter(Boolean);
  const rows = all.filter((client) => {
    const text = `${client.attributes.name} ${client.attributes.host ?? ""}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
  const mayAdd = may("global.auth_clients.create") !== false || may("workspaces.auth_clients.create") !== false;
  const add = mayAdd ? (
    <Button variant="primary" asChild>
      <Link href={`${here}/new`} data-add>
        <Plus className="i" aria-hidden />
        Add New Client
        <Kbd className="wide-only">N</Kbd>
      </Link>
    </Button>
  ) : null;
  return (
    <ListPage
      one="auth client"
      total={list.data && all.length}
      query={list}
      rows={6}
      add={add}
      empty="An auth client is your application as a provider knows it: its ID, its secret and where to ask. Secrets are authorized through it."
    >
      <div className="toolbar toolbar-end">
        <SearchField
          label="Search auth clients"
          placeholder="Search by name or host"
          value={search}
          onChange={setSearch}
        />
      </div>
      {rows.length === 0 ? (
        <div className="card">
          <EmptyState
            small
            title="Nothing matches"
            actions={<Button onClick={() => setSearch("")}>Clear search</Button>}
          >
            No client has “{search.trim()}” in its name or host.
          </EmptyState>
        </div>
      ) : (
        // biome-ignore lint/a11y/noStaticElementInteractions: arrow keys move between the links within; the keys come from them
        <div onKeyDown={moveInRows}>
          <Table caption="Auth clients usable in this workspace" cols={COLS} className="clients">
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col" className="td-type">
                  Type
                </th>
                <th scope="col" className="td-host">
                  Host
                </th>
                <th scope="col" className="td-vis">
                  Visibility
                </th>
                <th scope="col" className="td-uses">
                  Used by
                </th>
                <th scope="col">State</th>
              </tr>
            </thead>
            <tbody>
              {rows.map((client) => (
                <ClientRow key={client.id} client={client} href={`${here}/${client.id}`} />
              ))}
            </tbody>
          </Table>
        </div>
      )}
    </ListPage>
  );
}

/** How many secrets use a client, in words. */
export function usedWords(count: number | undefined): string {
  if (count === undefined) return "–";
  return count === 0 ? "Nothing" : count === 1 ? "1 secret" : `${count} secrets`;
}

function ClientRow({ client, href }: { client: AuthClient; href: string }) {
  const { name, type, host, problem, used_by } = client.attributes;
  const label = SECRET_TYPES[type]?.label ?? type;
  const visibility = VISIBILITY_WORDS[visibilityOf(client)];
  return (
    <Row needs={Boolean(problem)}>
      <td className="td-name">
        <div className="name">
          <Tile name={name} seed={host ?? name} />
          <div>
            <Link className="trunc row-link" href={href} title={name} dir="auto" data-row>
              {name}
            </Link>
            <span className="name-sub trunc">
              {[label, host, visibility, used_by === undefined ? null : usedWords(used_by)].filter(Boolean).join(" · ")}
            </span>
          </div>
        </div>
      </td>
      <td className="td-type">{label}</td>
      <td className="td-host">
        <div className="trunc" title={host ?? undefined}>
          {host ?? <span className="muted">–</span>}
        </div>
      </td>
      <td className="td-vis">
        <Tag>{visibility}</Tag>
      </td>
      <td className="td-uses">{usedWords(used_by)}</td>
      <td className="td-status">
        {problem ? (
          <span className="result tone-danger" title={problem.detail}>
            <TriangleAlert className="i i-sm" aria-hidden />
            {problem.title}
          </span>
        ) : (
          <span className="muted">No trouble known</span>
        )}
      </td>
    </Row>
  );
}
