import { Start } from "@/components/frame/start";
import { requireCaller } from "./require-caller";

export default async function StartPage() {
  await requireCaller("/");
  return <Start />;
}
