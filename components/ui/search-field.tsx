"use client";

import { Search } from "lucide-react";
import type { KeyboardEvent } from "react";
import { Kbd } from "./kbd";

export interface SearchFieldProps {
  /** Its name, such as "Search secrets". */
  label: string;
  placeholder?: string;
  value: string;
  onChange: (value: string) => void;
}

/** The search of a page; `/` focuses it (see the frame), Esc empties it. */
export function SearchField({ label, placeholder, value, onChange }: SearchFieldProps) {
  const onKeyDown = (event: KeyboardEvent<HTMLInputElement>) => {
    if (event.key !== "Escape" || value === "") return;
    event.stopPropagation();
    onChange("");
  };
  return (
    <label className="input search">
      <Search className="i muted" aria-hidden />
      <span className="sr">{label}</span>
      <input
        type="search"
        data-search
        placeholder={placeholder ?? label}
        value={value}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => onChange(event.target.value)}
        onKeyDown={onKeyDown}
      />
      {value === "" ? <Kbd className="wide-only">/</Kbd> : null}
    </label>
  );
}
