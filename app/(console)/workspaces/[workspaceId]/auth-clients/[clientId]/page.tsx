import type { Metadata } from "next";
import { ClientPage } from "@/components/auth-clients/client-page";
import { requireCaller } from "../../../../require-caller";

export const metadata: Metadata = { title: "Auth client" };

export default async function AuthClientPage({
  params,
}: {
  params: Promise<{ workspaceId: string; clientId: string }>;
}) {
  const { workspaceId, clientId } = await params;
  await requireCaller(`/workspaces/${workspaceId}/auth-clients/${clientId}`);
  return <ClientPage key={clientId} workspaceId={workspaceId} clientId={clientId} />;
}
