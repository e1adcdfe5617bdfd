import type { Metadata } from "next";
import { EditEndpoint } from "@/components/endpoints/endpoint-form";
import { requireCaller } from "../../../../../require-caller";

export const metadata: Metadata = { title: "Edit endpoint" };

export default async function EditEndpointPage({
  params,
}: {
  params: Promise<{ workspaceId: string; endpointId: string }>;
}) {
  const { workspaceId, endpointId } = await params;
  await requireCaller(`/workspaces/${workspaceId}/endpoints/${endpointId}/edit`);
  return <EditEndpoint key={endpointId} workspaceId={workspaceId} endpointId={endpointId} />;
}
