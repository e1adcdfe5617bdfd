"use client";

import { useQuery } from "@tanstack/react-query";
import { Ellipsis } from "lucide-react";
import { useEffect, useState } from "react";
import { Button } from "@/components/ui/button";
import { Drawer } from "@/components/ui/drawer";
import { EmptyState } from "@/components/ui/empty-state";
import { LoadError } from "@/components/ui/load-error";
import { SkeletonRows } from "@/components/ui/skeleton-rows";
import { Tile } from "@/components/ui/tile";
import { LatchkeyError } from "@/lib/sdk/errors";
import type { AuthSecret } from "@/lib/sdk/resources";
import { SECRET_TYPES } from "@/lib/secret-types";
import { secretQuery } from "./queries";
import { type SecretAct, SecretMenu } from "./secret-menu";
import { TokensPanel } from "./tokens-panel";
import { useClientOf } from "./use-client-of";
import { ValuesPanel } from "./values-panel";

/** Manage tokens: what a secret holds, until when, what happened, and everything one can do about it. */
export function ManageDrawer({
  workspaceId,
  secretId,
  onClose,
  onAct,
}: {
  workspaceId: string;
  /** Null: closed. */
  secretId: string | null;
  onClose: () => void;
  onAct: (act: SecretAct, secret: AuthSecret) => void;
}) {
  const query = useQuery({ ...secretQuery(workspaceId, secretId ?? ""), enabled: secretId !== null });
  const secret = secretId && query.data?.data.id === secretId ? query.data.data : null;
  const client = useClientOf(workspaceId, secret);
  const oauth = secret?.attributes.type === "oauth2";
  const [error, setError] = useState<string | null>(null);
  useEffect(() => {
    if (secretId !== null) setError(null);
  }, [secretId]);
  const label = secret ? (SECRET_TYPES[secret.attributes.type]?.label ?? secret.attributes.type) : "";
  const gone = query.error instanceof LatchkeyError && query.error.status === 404;
  return (
    <Drawer
      open={secretId !== null}
      onOpenChange={(open) => {
        if (!open) onClose();
      }}
      title={secret?.attributes.name ?? "Manage tokens"}
      sub={secret ? `${oauth ? "Manage tokens" : "Manage values"} · ${client?.name ?? label}` : null}
      before={
        secret ? (
          <Tile name={client?.name ?? secret.attributes.name} seed={client?.host ?? secret.attributes.name} size="lg" />
        ) : null
      }
      headActions={
        secret ? (
          <SecretMenu
            workspaceId={workspaceId}
            secret={secret}
            onAct={onAct}
            without={["manage", "authorize", "refresh"]}
            trigger={
              <Button variant="plain" icon aria-label="More: edit, rename, delete">
                <Ellipsis className="i" aria-hidden />
              </Button>
            }
          />
        ) : null
      }
      error={error}
    >
      {secret ? (
        oauth ? (
          <TokensPanel key={secret.id} workspaceId={workspaceId} secret={secret} client={client} onError={setError} />
        ) : (
          <ValuesPanel key={secret.id} workspaceId={workspaceId} secret={secret} />
        )
      ) : query.error ? (
        gone ? (
          <EmptyState
            small
            title="This secret is not here"
            actions={<Button onClick={onClose}>Back to secrets</Button>}
          >
            It was deleted, or you have no access to it.
          </EmptyState>
        ) : (
          <LoadError title="The secret could not be loaded." query={query} />
        )
      ) : (
        <SkeletonRows rows={6} label="Loading the secret" />
      )}
    </Drawer>
  );
}
