"use client";

import { Ellipsis } from "lucide-react";
import Link from "next/link";
import { type MouseEvent, memo } from "react";
import { Button } from "@/components/ui/button";
import { cx } from "@/components/ui/cx";
import { RelativeTime } from "@/components/ui/relative-time";
import { Row } from "@/components/ui/table";
import { Tile } from "@/components/ui/tile";
import type { AuthSecret } from "@/lib/sdk/resources";
import { SECRET_TYPES } from "@/lib/secret-types";
import { cureOf } from "./cure";
import type { ClientSummary } from "./included";
import { type SecretAct, SecretMenu } from "./secret-menu";
import { SecretStatus } from "./secret-status";

export interface SecretRowProps {
  workspaceId: string;
  secret: AuthSecret;
  client: ClientSummary | null;
  by: string | null;
  /** Open in the drawer, or just authorized. */
  selected: boolean;
  /** This secret's authorization is being asked for. */
  leaving: boolean;
  mayEdit: boolean;
  onAct: (act: SecretAct, secret: AuthSecret) => void;
}

/** One secret of the list. Drawn again only when something of it changed; the times move by themselves. */
export const SecretRow = memo(function SecretRow({
  workspaceId,
  secret,
  client,
  by,
  selected,
  leaving,
  mayEdit,
  onAct,
}: SecretRowProps) {
  const { name, type, last_used_at } = secret.attributes;
  const label = SECRET_TYPES[type]?.label ?? type;
  const cure = cureOf(secret);
  const clientHref = client ? `/workspaces/${workspaceId}/auth-clients/${client.id}` : null;
  const open = (event: MouseEvent) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    onAct("manage", secret);
  };
  const more = (
    <SecretMenu
      workspaceId={workspaceId}
      secret={secret}
      onAct={onAct}
      trigger={
        <Button variant="plain" size="sm" icon className="row-more" aria-label={`More for ${name}`}>
          <Ellipsis className="i" aria-hidden />
        </Button>
      }
    />
  );
  return (
    <Row needs={cure !== null} selected={selected} data-secret={secret.id}>
      <td className="td-name">
        <div className="name">
          <Tile name={client?.name ?? name} seed={client?.host ?? name} />
          <div>
            <a
              className="trunc row-link"
              href={`/workspaces/${workspaceId}/secrets?manage=${secret.id}`}
              title={name}
              dir="auto"
              data-row
              onClick={open}
            >
              {name}
            </a>
            <span className="name-sub trunc">{client ? `${label} · ${client.name}` : label}</span>
          </div>
        </div>
      </td>
      <td className="td-type">{label}</td>
      <td className="td-client">
        <div className="trunc" title={client?.name}>
          {client?.name ?? (
            <span className="muted">
              <span aria-hidden>–</span>
              <span className="sr">No client</span>
            </span>
          )}
        </div>
      </td>
      <td className="td-status">
        <SecretStatus secret={secret} />
      </td>
      <td className="td-by wide-only">
        <div className="trunc">{by ?? <span className="muted">–</span>}</div>
      </td>
      <td className="td-used wide-only">
        <RelativeTime at={last_used_at} />
      </td>
      <td className={cx("td-act", cure && "has-cure")}>
        <div className="row-acts">
          {cure?.kind === "authorize" ? (
            <Button
              size="sm"
              busy={leaving}
              disabledReason={mayEdit ? null : "You may not authorize secrets here."}
              onClick={() => onAct("authorize", secret)}
            >
              {cure.label}
              <span className="sr"> {name}</span>
            </Button>
          ) : cure?.kind === "edit" ? (
            <Button size="sm" asChild>
              <Link href={`/workspaces/${workspaceId}/secrets/${secret.id}/edit`}>
                {cure.label}
                <span className="sr"> {name}</span>
              </Link>
            </Button>
          ) : cure && clientHref ? (
            <Button size="sm" asChild>
              <Link href={clientHref}>{cure.label}</Link>
            </Button>
          ) : null}
          {more}
        </div>
      </td>
    </Row>
  );
});
