import type { Metadata } from "next";
import { NewClient } from "@/components/auth-clients/new-client";
import { requireCaller } from "../../../../require-caller";

export const metadata: Metadata = { title: "Add New Client" };

export default async function NewClientPage({ params }: { params: Promise<{ workspaceId: string }> }) {
  const { workspaceId } = await params;
  await requireCaller(`/workspaces/${workspaceId}/auth-clients/new`);
  return <NewClient key={workspaceId} workspaceId={workspaceId} />;
}
