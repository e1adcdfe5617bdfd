"use client";

import { useQuery } from "@tanstack/react-query";
import { clientsQuery } from "@/components/auth-clients/queries";
import type { AuthSecret } from "@/lib/sdk/resources";
import type { ClientSummary } from "./included";

/** The auth client of one secret, from the clients known in its workspace; null when it has none, or while that is not known. */
export function useClientOf(workspaceId: string, secret: AuthSecret | null): ClientSummary | null {
  const id = secret?.relationships?.auth_client?.data?.id;
  const clients = useQuery({ ...clientsQuery(workspaceId), enabled: id !== undefined });
  const found = clients.data?.data.find((client) => client.id === id);
  return found ? { id: found.id, name: found.attributes.name, host: found.attributes.host ?? null } : null;
}
