import type { Metadata } from "next";
import { NewEndpoint } from "@/components/endpoints/endpoint-form";
import { requireCaller } from "../../../../require-caller";

export const metadata: Metadata = { title: "Add endpoint" };

export default async function NewEndpointPage({ params }: { params: Promise<{ workspaceId: string }> }) {
  const { workspaceId } = await params;
  await requireCaller(`/workspaces/${workspaceId}/endpoints/new`);
  return <NewEndpoint key={workspaceId} workspaceId={workspaceId} />;
}
