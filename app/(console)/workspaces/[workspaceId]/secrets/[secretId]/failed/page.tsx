import type { Metadata } from "next";
import { FailedScreen } from "@/components/secrets/failed-screen";
import { requireCaller } from "../../../../../require-caller";

export const metadata: Metadata = { title: "Not authorized" };

export default async function FailedPage({ params }: { params: Promise<{ workspaceId: string; secretId: string }> }) {
  const { workspaceId, secretId } = await params;
  await requireCaller(`/workspaces/${workspaceId}/secrets/${secretId}/failed`);
  return <FailedScreen key={secretId} workspaceId={workspaceId} secretId={secretId} />;
}
