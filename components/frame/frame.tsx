"use client";

import { useQuery } from "@tanstack/react-query";
import { Menu as MenuIcon, X } from "lucide-react";
import Link from "next/link";
import { useParams, usePathname } from "next/navigation";
import { Dialog } from "radix-ui";
import { type ReactNode, useEffect, useState } from "react";
import { ReauthDialog } from "@/components/accounts/reauth";
import { Button } from "@/components/ui/button";
import { Mark } from "@/components/ui/mark";
import { lastWorkspace, rememberWorkspace } from "./last-workspace";
import { Nav } from "./nav";
import { NewWorkspaceDialog } from "./new-workspace";
import { workspacesQuery } from "./queries";
import { useShortcuts } from "./shortcuts";
import { Switcher } from "./switcher";

/** The console's frame: navigation at the left, or a bar with a sheet when narrow, and the page. */
export function Frame({ children }: { children: ReactNode }) {
  const params = useParams<{ workspaceId?: string }>();
  const path = usePathname();
  const [remembered, setRemembered] = useState<string | null>(null);
  const [sheetAt, setSheetAt] = useState<string | null>(null);
  const [making, setMaking] = useState(false);
  const mine = useQuery(workspacesQuery).data?.data;
  // What is remembered may be somebody else's who used this browser, or gone.
  const usual = mine?.find((workspace) => workspace.id === remembered) ?? mine?.[0];
  const workspaceId = params.workspaceId ?? usual?.id ?? null;
  useShortcuts();

  useEffect(() => {
    if (params.workspaceId) rememberWorkspace(params.workspaceId);
    setRemembered(params.workspaceId ?? lastWorkspace());
  }, [params.workspaceId]);

  const onNew = () => {
    setSheetAt(null);
    setMaking(true);
  };
  return (
    <div className="app">
      <nav className="nav" aria-label="Workspace">
        <Nav workspaceId={workspaceId} onNew={onNew} />
      </nav>
      <header className="topbar">
        {/* The sheet belongs to the page it was opened on: following a link closes it. */}
        <Dialog.Root open={sheetAt === path} onOpenChange={(open) => setSheetAt(open ? path : null)}>
          <Dialog.Trigger asChild>
            <Button variant="plain" icon aria-label="Open navigation">
              <MenuIcon className="i" aria-hidden />
            </Button>
          </Dialog.Trigger>
          <Dialog.Portal>
            <Dialog.Overlay className="scrim" />
            <Dialog.Content className="nav nav-sheet" aria-describedby={undefined}>
              <Dialog.Title className="sr">Navigation</Dialog.Title>
              <Dialog.Close asChild>
                <Button variant="plain" icon className="nav-close" aria-label="Close navigation">
                  <X className="i" aria-hidden />
                </Button>
              </Dialog.Close>
              <Nav workspaceId={workspaceId} onNew={onNew} />
            </Dialog.Content>
          </Dialog.Portal>
        </Dialog.Root>
        <Switcher workspaceId={workspaceId} onNew={onNew} />
        <span className="spacer" />
        <Link href="/" className="home" aria-label="Latchkey, home">
          <Mark />
        </Link>
      </header>
      <main className="main" id="main" tabIndex={-1}>
        {children}
      </main>
      <NewWorkspaceDialog open={making} onOpenChange={setMaking} />
      <ReauthDialog />
    </div>
  );
}
