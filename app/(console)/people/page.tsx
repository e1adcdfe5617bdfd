import type { Metadata } from "next";
import { PeopleScreen } from "@/components/accounts/people-screen";
import { requireCaller } from "../require-caller";

export const metadata: Metadata = { title: "People" };

export default async function PeoplePage() {
  await requireCaller("/people");
  return <PeopleScreen />;
}
