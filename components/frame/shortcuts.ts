"use client";

import { useEffect } from "react";

/** `/` focuses the page's search (`data-search`), `n` follows its add button (`data-add`). Not while typing or in a dialog. */
export function useShortcuts(): void {
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
      const target = event.target;
      if (target instanceof HTMLElement && (target.isContentEditable || target.matches("input, textarea, select")))
        return;
      if (document.querySelector('[role="dialog"], [role="alertdialog"], [role="menu"]')) return;
      const wanted = event.key === "/" ? "[data-search]" : event.key === "n" || event.key === "N" ? "[data-add]" : null;
      const found = wanted ? document.querySelector<HTMLElement>(wanted) : null;
      if (!found) return;
      event.preventDefault();
      if (event.key === "/") found.focus();
      else found.click();
    };
    document.addEventListener("keydown", onKeyDown);
    return () => document.removeEventListener("keydown", onKeyDown);
  }, []);
}
