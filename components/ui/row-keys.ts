"use client";

import type { KeyboardEvent } from "react";

/**
 * Arrow keys in a list: put on the list's element; moves the focus between the elements marked `data-row` (a link or button in each
 * row). Home and End go to the ends. Enter is the link's own.
 */
export function moveInRows(event: KeyboardEvent<HTMLElement>): void {
  if (!["ArrowDown", "ArrowUp", "Home", "End"].includes(event.key)) return;
  const target = event.target;
  // React sends the keys of a row's open menu here too, although the menu lies elsewhere on the page and knows them itself.
  if (!(target instanceof HTMLElement) || !event.currentTarget.contains(target)) return;
  if (target.matches("input, textarea, select, [role=combobox]")) return;
  const rows = [...event.currentTarget.querySelectorAll<HTMLElement>("[data-row]")];
  if (rows.length === 0) return;
  const at = rows.findIndex((row) => row === target || row.closest("tr, li")?.contains(target));
  const last = rows.length - 1;
  const next = { ArrowDown: Math.min(last, at + 1), ArrowUp: Math.max(0, at - 1), Home: 0, End: last }[event.key] ?? 0;
  event.preventDefault();
  rows[next]?.focus();
}
