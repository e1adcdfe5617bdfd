import type { Metadata } from "next";
import { TryScreen } from "@/components/try/try-screen";
import { requireCaller } from "../../../../../require-caller";

export const metadata: Metadata = { title: "Try a secret" };

export default async function TryPage({ params }: { params: Promise<{ workspaceId: string; secretId: string }> }) {
  const { workspaceId, secretId } = await params;
  await requireCaller(`/workspaces/${workspaceId}/secrets/${secretId}/try`);
  return <TryScreen key={secretId} workspaceId={workspaceId} secretId={secretId} />;
}
