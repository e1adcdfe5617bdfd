import type { Metadata } from "next";
import { SetupScreen } from "@/components/accounts/setup-screen";

/** The code lies in the fragment, which browsers never send; no referrer either, in case it is still in the address. */
export const metadata: Metadata = { title: "Set up", referrer: "no-referrer" };

export default function SetupPage() {
  return <SetupScreen />;
}
