import type { Metadata } from "next";
import { WebhooksScreen } from "@/components/webhooks/webhooks-screen";
import { requireCaller } from "../../../require-caller";

export const metadata: Metadata = { title: "Webhooks" };

export default async function WebhooksPage({ params }: { params: Promise<{ workspaceId: string }> }) {
  const { workspaceId } = await params;
  await requireCaller(`/workspaces/${workspaceId}/webhooks`);
  return <WebhooksScreen key={workspaceId} workspaceId={workspaceId} />;
}
