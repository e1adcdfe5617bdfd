"use client";

import { useQuery } from "@tanstack/react-query";
import { DoorOpen, Plus, TriangleAlert } from "lucide-react";
import Link from "next/link";
import { useState } from "react";
import { useMay } from "@/components/frame/use-may";
import { Button } from "@/components/ui/button";
import { Kbd } from "@/components/ui/kbd";
import { ListPage } from "@/components/ui/list-page";
import { Pager } from "@/components/ui/pager";
import { moveInRows } from "@/components/ui/row-keys";
import { Row, Table } from "@/components/ui/table";
import { Tile } from "@/components/ui/tile";
import type { Endpoint } from "@/lib/sdk/resources";
import { openedWords } from "./endpoint-words";
import { endpointsQuery } from "./queries";

/** The endpoints of a workspace: whom a proxy lets through to somebody's program. */
export function EndpointsScreen({ workspaceId }: { workspaceId: string }) {
  const may = useMay(workspaceId);
  const [page, setPage] = useState(1);
  const list = useQuery(endpointsQuery(workspaceId, page));
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
      total={list.data?.meta.total}
      query={list}
      rows={4}
      add={add}
      empty="An endpoint guards a program of yours: nginx, Traefik or Caddy ask Latchkey who may pass, and let nobody else through."
    >
      {/* biome-ignore lint/a11y/noStaticElementInteractions: arrow keys move between the links within; the keys come from them */}
      <div className="mt-6" onKeyDown={moveInRows}>
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
            <Link className="trunc row-link" href={href} title={name} data-row>
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
