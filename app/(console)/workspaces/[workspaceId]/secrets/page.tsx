import type { Metadata } from "next";
import { SecretsScreen } from "@/components/secrets/secrets-screen";
import { requireCaller } from "../../../require-caller";

export const metadata: Metadata = { title: "Secrets" };

export default async function SecretsPage({
  params,
  searchParams,
}: {
  params: Promise<{ workspaceId: string }>;
  searchParams: Promise<{ manage?: string | string[] }>;
}) {
  const { workspaceId } = await params;
  const { manage } = await searchParams;
  // A link to one secret's drawer, sent to a colleague, still leads there after signing in.
  const query = typeof manage === "string" ? `?manage=${encodeURIComponent(manage)}` : "";
  await requireCaller(`/workspaces/${workspaceId}/secrets${query}`);
  return <SecretsScreen key={workspaceId} workspaceId={workspaceId} />;
}
