import type { ReactNode } from "react";
import { Frame } from "@/components/frame/frame";
import { ToSignIn } from "@/components/frame/to-sign-in";
import { currentCaller } from "@/lib/accounts/session";

/**
 * Everything behind the sign-in. Pages redirect by themselves (`requireCaller`), which needs them rendered here; `ToSignIn` catches what a
 * page forgot. No page holds data of its own: that comes through calls, each authorised by itself.
 */
export default async function ConsoleLayout({ children }: { children: ReactNode }) {
  if (!(await currentCaller()))
    return (
      <>
        <ToSignIn />
        {children}
      </>
    );
  return <Frame>{children}</Frame>;
}
