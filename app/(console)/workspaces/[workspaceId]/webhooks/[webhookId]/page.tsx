import type { Metadata } from "next";
import { WebhookPage } from "@/components/webhooks/webhook-page";
import { requireCaller } from "../../../../require-caller";

export const metadata: Metadata = { title: "Webhook" };

export default async function OneWebhookPage({
  params,
}: {
  params: Promise<{ workspaceId: string; webhookId: string }>;
}) {
  const { workspaceId, webhookId } = await params;
  await requireCaller(`/workspaces/${workspaceId}/webhooks/${webhookId}`);
  return <WebhookPage key={webhookId} workspaceId={workspaceId} webhookId={webhookId} />;
}
