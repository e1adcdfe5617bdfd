"use client";

import { useQuery } from "@tanstack/react-query";
import { DoorOpen, Plus, TriangleAlert } from "lucide-react";
import Link from "next/link";
import { useState } from "react";
import { useMay } from "@/components/frame/use-may";
import { Button } from "@/components/ui/button";
import { EmptyState } from "@/components/ui/empty-state";
import { Kbd } from "@/components/ui/kbd";
import { ListPage } from "@/components/ui/list-page";
import { LoadError } from "@/components/ui/load-error";
import { Pager } from "@/components/ui/pager";
import { moveInRows } from "@/components/ui/row-keys";
import { SearchField } from "@/components/ui/search-field";
import { Row, Table } from "@/components/ui/table";
import { Tile } from "@/components/ui/tile";
import { usePaused } from "@/components/ui/use-paused";
import type { Endpoint } from "@/lib/sdk/resources";
import { openedWords } from "./endpoint-words";
import { endpointsQuery } from "./queries";

/** The endpoints of a workspace: whom a proxy lets through to somebody's program. */
export function EndpointsScreen({ workspaceId }: { workspaceId: string }) {
  const may = useMay(workspaceId);
  const [page, setPage] = useState(1);
  const [typed, setTyped] = useState("");
  const search = usePaused(typed);
  const first = useQuery(endpointsQuery(workspaceId, 1, ""));
  const list = useQuery(endpointsQuery(workspaceId, page, search));
  const here = `/workspaces/${workspaceId}/endpoints`;
  const rows = list.data?.data ?? [];
  const add =
    may("workspaces.endpoint.create") === false ? null : (
      <Button variant="primary" asChild>
        <Link href={`${here}/new`} data-add>
          <Plus className="i" aria-hidden />
          Add endpoint
          <Kbd className="wide-only">N</Kbd>
        </Link>
      </Button>
    );
  return (
    <ListPage
      one="endpoint"
      total={first.data?.meta.total}
      query={first}
      rows={4}
      add={add}
      empty="An endpoint guards a program of yours: nginx, Traefik or Caddy ask Latchkey who may pass, and let nobody else through."
    >
      <div className="toolbar toolbar-end">
        <SearchField
          label="Search endpoints"
          placeholder="Search by name"
          value={typed}
          onChange={(text) => {
            setTyped(text);
            setPage(1);
          }}
        />
      </div>
      {list.error && !list.data ? (
        <div className="card">
          <LoadError title="The endpoints could not be loaded." query={list} />
        </div>
      ) : list.data && rows.length === 0 ? (
        <div className="card">
          <EmptyState
            small
            title="Nothing matches"
            actions={<Button onClick={() => setTyped("")}>Clear search</Button>}
          >
            No endpoint has “{search}” in its name.
          </EmptyState>
        </div>
      ) : (
        // biome-ignore lint/a11y/noStaticElementInteractions: arrow keys move between the links within; the keys come from them
        <div onKeyDown={moveInRows} aria-busy={list.isPlaceholderData || undefined}>
          <Table caption="Endpoints of this workspace" cols={["c-name", "c-passes", "c-trouble"]} className="endpoints">
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col" className="td-passes">
                  Who may pass
                </th>
                <th scope="col">State</th>
              </tr>
            </thead>
            <tbody>
              {rows.map((endpoint) => (
                <EndpointRow key={endpoint.id} endpoint={endpoint} href={`${here}/${endpoint.id}`} />
              ))}
            </tbody>
          </Table>
          <div className="rows-foot">
            <span />
            <Pager page={page} totalPages={list.data?.meta.total_pages ?? 1} onChange={setPage} />
          </div>
        </div>
      )}
    </ListPage>
  );
}

function EndpointRow({ endpoint, href }: { endpoint: Endpoint; href: string }) {
  const { name, problem, open_access } = endpoint.attributes;
  const who = openedWords(endpoint.attributes);
  return (
    <Row needs={problem !== null}>
      <td className="td-name">
        <div className="name">
          <Tile name={name} />
          <div>
            <Link className="trunc row-link" href={href} title={name} dir="auto" data-row>
              {name}
            </Link>
            <span className="name-sub trunc">{who}</span>
          </div>
        </div>
      </td>
      <td className="td-passes">
        <div className="trunc" title={who}>
          {who}
        </div>
      </td>
      <td className="td-status">
        {problem ? (
          <span className="result tone-danger" title={problem.detail}>
            <TriangleAlert className="i i-sm" aria-hidden />
            {problem.title}
          </span>
        ) : open_access ? (
          <span className="result tone-warn">
            <DoorOpen className="i i-sm" aria-hidden />
            Open to everybody
          </span>
        ) : (
          <span className="muted">Guarded</span>
        )}
      </td>
    </Row>
  );
}
