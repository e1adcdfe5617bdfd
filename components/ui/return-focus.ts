"use client";

import { useRef } from "react";

/** What had the focus before an overlay opened; of a menu entry, which will be gone, the button of its menu. */
function origin(): HTMLElement | null {
  const active = document.activeElement;
  if (!(active instanceof HTMLElement)) return null;
  const menu = active.closest('[role="menu"]');
  const trigger = menu ? document.getElementById(menu.getAttribute("aria-labelledby") ?? "") : null;
  return trigger ?? active;
}

/**
 * Focus in and back for overlays that have no trigger of their own. `first`, a selector, names what gets the focus on opening; without it
 * (or without a match) the overlay chooses.
 */
export function useReturnFocus(first?: string) {
  const before = useRef<HTMLElement | null>(null);
  return {
    onOpenAutoFocus(event: Event) {
      before.current = origin();
      const overlay = event.currentTarget;
      const target = first && overlay instanceof HTMLElement ? overlay.querySelector<HTMLElement>(first) : null;
      if (!target) return;
      event.preventDefault();
      target.focus();
    },
    onCloseAutoFocus(event: Event) {
      event.preventDefault();
      if (before.current?.isConnected) before.current.focus();
    },
  };
}
