import type { Metadata } from "next";
import { EndpointsScreen } from "@/components/endpoints/endpoints-screen";
import { requireCaller } from "../../../require-caller";

export const metadata: Metadata = { title: "Endpoints" };

export default async function EndpointsPage({ params }: { params: Promise<{ workspaceId: string }> }) {
  const { workspaceId } = await params;
  await requireCaller(`/workspaces/${workspaceId}/endpoints`);
  return <EndpointsScreen key={workspaceId} workspaceId={workspaceId} />;
}
