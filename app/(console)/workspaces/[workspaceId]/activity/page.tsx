import type { Metadata } from "next";
import { ActivityScreen } from "@/components/activity/activity-screen";
import { requireCaller } from "../../../require-caller";

export const metadata: Metadata = { title: "Activity" };

export default async function ActivityPage({ params }: { params: Promise<{ workspaceId: string }> }) {
  const { workspaceId } = await params;
  await requireCaller(`/workspaces/${workspaceId}/activity`);
  return <ActivityScreen workspaceId={workspaceId} />;
}
