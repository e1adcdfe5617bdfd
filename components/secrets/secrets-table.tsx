"use client";

import type { ReactNode } from "react";
import { moveInRows } from "@/components/ui/row-keys";
import { Table } from "@/components/ui/table";
import type { AuthSecret } from "@/lib/sdk/resources";
import type { SecretAct } from "./secret-menu";
import { SecretRow } from "./secret-row";
import type { ListedSecret } from "./use-secret-list";

const COLS = ["c-name", "c-type", "c-client", "c-status", "c-by wide-only", "c-used wide-only", "c-act"];

/** The rows of the list, which arrow keys move through; `children` come after the last one. */
export function SecretsTable({
  workspaceId,
  rows,
  selected,
  leaving,
  mayEdit,
  stale,
  onAct,
  children,
}: {
  workspaceId: string;
  rows: readonly ListedSecret[];
  /** Id of the secret that is open or just authorized. */
  selected: string | null;
  /** Id of the secret whose provider is being gone to. */
  leaving: string | null;
  mayEdit: boolean;
  /** The rows are those of the view before, while the present one is being fetched. */
  stale: boolean;
  onAct: (act: SecretAct, secret: AuthSecret) => void;
  children?: ReactNode;
}) {
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: arrow keys move between the links within; the keys come from them
    <div onKeyDown={moveInRows} aria-busy={stale || undefined}>
      <Table caption="Secrets of this workspace, trouble first" cols={COLS} className="secrets">
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col" className="td-type">
              Type
            </th>
            <th scope="col" className="td-client">
              Client
            </th>
            <th scope="col">Status</th>
            <th scope="col" className="td-by wide-only">
              Added by
            </th>
            <th scope="col" className="td-used wide-only">
              Last used
            </th>
            <th scope="col">
              <span className="sr">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ secret, client, by }) => (
            <SecretRow
              key={secret.id}
              workspaceId={workspaceId}
              secret={secret}
              client={client}
              by={by}
              selected={secret.id === selected}
              leaving={secret.id === leaving}
              mayEdit={mayEdit}
              onAct={onAct}
            />
          ))}
        </tbody>
      </Table>
      {children}
    </div>
  );
}
