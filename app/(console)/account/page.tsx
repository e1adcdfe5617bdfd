import type { Metadata } from "next";
import { AccountScreen } from "@/components/accounts/account-screen";
import { requireCaller } from "../require-caller";

export const metadata: Metadata = { title: "Account" };

export default async function AccountPage() {
  await requireCaller("/account");
  return <AccountScreen />;
}
