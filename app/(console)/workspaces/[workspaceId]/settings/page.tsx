import type { Metadata } from "next";
import { WorkspaceSettings } from "@/components/accounts/workspace-settings";
import { requireCaller } from "../../../require-caller";

export const metadata: Metadata = { title: "Settings" };

export default async function SettingsPage({ params }: { params: Promise<{ workspaceId: string }> }) {
  const { workspaceId } = await params;
  await requireCaller(`/workspaces/${workspaceId}/settings`);
  return <WorkspaceSettings workspaceId={workspaceId} />;
}
