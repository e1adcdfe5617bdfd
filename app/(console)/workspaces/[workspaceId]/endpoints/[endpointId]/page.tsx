import type { Metadata } from "next";
import { EndpointPage } from "@/components/endpoints/endpoint-page";
import { requireCaller } from "../../../../require-caller";

export const metadata: Metadata = { title: "Endpoint" };

export default async function OneEndpointPage({
  params,
}: {
  params: Promise<{ workspaceId: string; endpointId: string }>;
}) {
  const { workspaceId, endpointId } = await params;
  await requireCaller(`/workspaces/${workspaceId}/endpoints/${endpointId}`);
  return <EndpointPage key={endpointId} workspaceId={workspaceId} endpointId={endpointId} />;
}
