"use client";

import { useRef } from "react";

/** Where the focus was before each open overlay: the way back when overlays follow one another and the middle ones are gone. */
const before = new WeakMap<Element, HTMLElement>();

/** The trail of the overlay opened last: the way back when one overlay replaces another and nothing has the focus in between. */
let latest: HTMLElement[] = [];

const OVERLAY = '[role="dialog"], [role="alertdialog"]';

/** What has the focus now; of a menu entry, which will be gone, the button of its menu. */
function origin(): HTMLElement | null {
  const active = document.activeElement;
  if (!(active instanceof HTMLElement) || active === document.body) return null;
  const menu = active.closest('[role="menu"]');
  const trigger = menu ? document.getElementById(menu.getAttribute("aria-labelledby") ?? "") : null;
  return trigger ?? active;
}

/**
 * Focus in and back for overlays that have no trigger of their own. `first`, a selector, names what gets the focus on opening; without it
 * (or without a match) the overlay chooses.
 */
export function useReturnFocus(first?: string) {
  const trail = useRef<HTMLElement[]>([]);
  return {
    onOpenAutoFocus(event: Event) {
      const overlay = event.currentTarget;
      if (!(overlay instanceof HTMLElement)) return;
      trail.current = [];
      for (let at = origin(); at; ) {
        trail.current.push(at);
        const around: Element | null = at.closest(OVERLAY);
        at = around ? (before.get(around) ?? null) : null;
      }
      if (trail.current.length === 0) trail.current = latest.filter((element) => element.isConnected);
      latest = trail.current;
      const start = trail.current[0];
      if (start) before.set(overlay, start);
      const target = first ? overlay.querySelector<HTMLElement>(first) : null;
      if (!target) return;
      event.preventDefault();
      target.focus();
    },
    onCloseAutoFocus(event: Event) {
      event.preventDefault();
      trail.current.find((element) => element.isConnected)?.focus();
    },
  };
}
