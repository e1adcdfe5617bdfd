import type { Metadata } from "next";
import { AddSecret } from "@/components/secrets/add-secret";
import { requireCaller } from "../../../../require-caller";

export const metadata: Metadata = { title: "Add secret" };

export default async function AddSecretPage({ params }: { params: Promise<{ workspaceId: string }> }) {
  const { workspaceId } = await params;
  await requireCaller(`/workspaces/${workspaceId}/secrets/new`);
  return <AddSecret key={workspaceId} workspaceId={workspaceId} />;
}
