import type { Metadata } from "next";
import { EditSecret } from "@/components/secrets/edit-secret";
import { requireCaller } from "../../../../../require-caller";

export const metadata: Metadata = { title: "Edit secret" };

export default async function EditSecretPage({
  params,
}: {
  params: Promise<{ workspaceId: string; secretId: string }>;
}) {
  const { workspaceId, secretId } = await params;
  await requireCaller(`/workspaces/${workspaceId}/secrets/${secretId}/edit`);
  return <EditSecret key={secretId} workspaceId={workspaceId} secretId={secretId} />;
}
