"use client";

import { useQuery } from "@tanstack/react-query";
import type { Permission } from "@/lib/access/permissions";
import { workspaceQuery } from "./queries";

/**
 * Tells whether the person holds a permission in the workspace; null while that is not known yet. Only for showing and hiding: the
 * server decides.
 */
export function useMay(workspaceId: string): (permission: Permission) => boolean | null {
  const { data } = useQuery(workspaceQuery(workspaceId));
  const held = data?.meta.permissions;
  return (permission) => (data === undefined ? null : held === undefined ? true : held.includes(permission));
}
