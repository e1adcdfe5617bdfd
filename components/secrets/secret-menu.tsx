"use client";

import { ExternalLink, KeyRound, Pencil, Play, RefreshCw, TextCursorInput, Trash2 } from "lucide-react";
import type { ReactNode } from "react";
import { useMay } from "@/components/frame/use-may";
import { Menu, type MenuEntry } from "@/components/ui/menu";
import type { AuthSecret } from "@/lib/sdk/resources";
import { asksByItself, authorizeWord } from "./cure";

/** What can be asked of one secret. */
export type SecretAct = "manage" | "authorize" | "refresh" | "try" | "edit" | "rename" | "delete";

/** Why a token cannot be renewed without a person; null when it can. */
export function noRefreshReason(secret: AuthSecret): string | null {
  if (asksByItself(secret)) return null;
  const { status, has_refresh_token } = secret.attributes;
  if (status === "unauthorized") return "Nobody has granted access yet.";
  if (!has_refresh_token) return "There is no refresh token to renew it with.";
  if (status === "reauthorization_needed") return "The provider refuses this refresh token.";
  return null;
}

/** What asking for a new token is called. */
export function refreshWord(secret: AuthSecret): string {
  return asksByItself(secret) ? "Get token" : "Refresh now";
}

/** The actions on one secret, greyed with the reason where the person may not. */
export function SecretMenu({
  workspaceId,
  secret,
  trigger,
  onAct,
  without,
}: {
  workspaceId: string;
  secret: AuthSecret;
  trigger: ReactNode;
  onAct: (act: SecretAct, secret: AuthSecret) => void;
  /** Left out, such as "manage" within the drawer itself. */
  without?: readonly SecretAct[];
}) {
  const may = useMay(workspaceId);
  const noEdit = may("workspaces.auth_secret.edit") === false ? "You may not edit secrets here." : null;
  const noDelete = may("workspaces.auth_secret.delete") === false ? "You may not delete secrets here." : null;
  const noRefresh = may("workspaces.auth_secret.refresh") === false ? "You may not have tokens refreshed here." : null;
  const noUse = may("workspaces.auth_secret.use") === false ? "You may not use secrets here." : null;
  const oauth = secret.attributes.type === "oauth2";
  const act = (name: SecretAct) => () => onAct(name, secret);
  const all: (MenuEntry & { act?: SecretAct })[] = [
    { act: "manage", label: oauth ? "Manage tokens" : "Manage values", icon: KeyRound, onSelect: act("manage") },
    ...(oauth && !asksByItself(secret)
      ? [
          {
            act: "authorize" as const,
            label: authorizeWord(secret),
            icon: ExternalLink,
            onSelect: act("authorize"),
            disabledReason: noEdit,
          },
        ]
      : []),
    ...(oauth
      ? [
          {
            act: "refresh" as const,
            label: refreshWord(secret),
            icon: RefreshCw,
            onSelect: act("refresh"),
            disabledReason: noRefresh ?? noRefreshReason(secret),
          },
        ]
      : []),
    { act: "try", label: "Try it", icon: Play, onSelect: act("try"), disabledReason: noUse },
    { kind: "line" },
    { act: "edit", label: "Edit", icon: Pencil, onSelect: act("edit"), disabledReason: noEdit },
    { act: "rename", label: "Rename", icon: TextCursorInput, onSelect: act("rename"), disabledReason: noEdit },
    { kind: "line" },
    { act: "delete", label: "Delete…", icon: Trash2, danger: true, onSelect: act("delete"), disabledReason: noDelete },
  ];
  const entries = all.filter((entry) => !entry.act || !without?.includes(entry.act));
  while (entries[0]?.kind === "line") entries.shift();
  return <Menu trigger={trigger} entries={entries} />;
}
