import type { ReactNode } from "react";
import { Frame } from "@/components/frame/frame";
import { ToSignIn } from "@/components/frame/to-sign-in";
import { currentCaller } from "@/lib/accounts/session";

/** Everything behind the sign-in. Pages redirect by themselves (`requireCaller`); this catches what a page forgot. */
export default async function ConsoleLayout({ children }: { children: ReactNode }) {
  if (!(await currentCaller())) return <ToSignIn />;
  return <Frame>{children}</Frame>;
}
