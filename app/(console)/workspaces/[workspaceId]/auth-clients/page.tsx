import type { Metadata } from "next";
import { ClientsScreen } from "@/components/auth-clients/clients-screen";
import { requireCaller } from "../../../require-caller";

export const metadata: Metadata = { title: "Auth clients" };

export default async function AuthClientsPage({ params }: { params: Promise<{ workspaceId: string }> }) {
  const { workspaceId } = await params;
  await requireCaller(`/workspaces/${workspaceId}/auth-clients`);
  return <ClientsScreen key={workspaceId} workspaceId={workspaceId} />;
}
