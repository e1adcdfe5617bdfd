"use client";

import { type KeyboardEvent, useEffect } from "react";

const firstRow = () => document.querySelector<HTMLElement>("[data-row]");

/** Arrow down reaches the list from anywhere on the page where it means nothing else. */
export function useArrowIntoList(): void {
  useEffect(() => {
    const onKeyDown = (event: globalThis.KeyboardEvent) => {
      if (event.key !== "ArrowDown" || event.defaultPrevented) return;
      // The page's main part takes the focus when it is clicked; anything else that has it knows arrows of its own.
      const active = document.activeElement;
      if (active !== document.body && active?.id !== "main") return;
      const first = firstRow();
      if (!first) return;
      event.preventDefault();
      first.focus();
    };
    document.addEventListener("keydown", onKeyDown);
    return () => document.removeEventListener("keydown", onKeyDown);
  }, []);
}

/** For an element around the search field: arrow down in the field goes to the first row. */
export function fromSearch(event: KeyboardEvent<HTMLElement>): void {
  if (event.key !== "ArrowDown" || !(event.target instanceof HTMLInputElement)) return;
  event.preventDefault();
  firstRow()?.focus();
}
