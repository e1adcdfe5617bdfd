import type { Metadata } from "next";
import { InstanceScreen } from "@/components/instance/instance-screen";
import { requireCaller } from "../require-caller";

export const metadata: Metadata = { title: "Instance" };

export default async function InstancePage() {
  await requireCaller("/instance");
  return <InstanceScreen />;
}
