"use client";

import { useRouter } from "next/navigation";
import { useCallback, useEffect, useRef, useState } from "react";
import { ConfirmDialog } from "@/components/ui/confirm-dialog";

type Where = { kind: "link"; href: string } | { kind: "back" };

/**
 * Asks before typed text is lost: on links of the page, on the browser's back button, on closing the tab. `release` lets the next departure
 * through, for after saving.
 */
export function useLeaveGuard(dirty: boolean) {
  const router = useRouter();
  const [asked, setAsked] = useState<Where | null>(null);
  const marked = useRef(false);
  const free = useRef(false);

  useEffect(() => {
    if (!dirty) return;
    // One more entry of the same page: going back then lands here, where it can be asked about.
    if (!marked.current) {
      marked.current = true;
      window.history.pushState(null, "", window.location.href);
    }
    const onUnload = (event: BeforeUnloadEvent) => {
      if (!free.current) event.preventDefault();
    };
    const onClick = (event: MouseEvent) => {
      if (free.current || event.defaultPrevented || event.button !== 0) return;
      if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
      const link = event.target instanceof Element ? event.target.closest("a[href]") : null;
      if (!(link instanceof HTMLAnchorElement) || link.target === "_blank" || link.origin !== window.location.origin)
        return;
      event.preventDefault();
      event.stopPropagation();
      setAsked({ kind: "link", href: link.pathname + link.search + link.hash });
    };
    const onPop = () => {
      if (free.current) return;
      window.history.pushState(null, "", window.location.href);
      setAsked({ kind: "back" });
    };
    window.addEventListener("beforeunload", onUnload);
    document.addEventListener("click", onClick, true);
    window.addEventListener("popstate", onPop);
    return () => {
      window.removeEventListener("beforeunload", onUnload);
      document.removeEventListener("click", onClick, true);
      window.removeEventListener("popstate", onPop);
    };
  }, [dirty]);

  const release = useCallback(() => {
    free.current = true;
  }, []);
  const hold = useCallback(() => {
    free.current = false;
  }, []);
  const leave = () => {
    const where = asked;
    release();
    setAsked(null);
    if (where?.kind === "link") router.push(where.href);
    // Two steps: over the entry made above, and off the page.
    else if (where?.kind === "back") window.history.go(-2);
  };
  const question = (
    <ConfirmDialog
      open={asked !== null}
      onOpenChange={(open) => {
        if (!open) setAsked(null);
      }}
      title="Leave without saving?"
      confirm="Discard changes"
      cancel="Keep editing"
      onConfirm={leave}
    >
      What you typed here is not saved yet.
    </ConfirmDialog>
  );
  return { question, release, hold };
}
