"use client";

import { X } from "lucide-react";
import { type ClipboardEvent, useRef, useState } from "react";
import { Button } from "./button";
import { type KeyValue, parsePairs } from "./parse-pairs";

export interface KeyValueRowsProps {
  value: KeyValue[];
  onChange: (value: KeyValue[]) => void;
  /** What a row is called in the names of its controls: "Parameter" gives "Parameter 1 name". */
  noun?: string;
  namePlaceholder?: string;
  valuePlaceholder?: string;
  /** Keys that may not be used, with the reason shown. */
  refuse?: (key: string) => string | null;
  /** How a pasted text is read; [] when it is no list of pairs. */
  read?: (text: string) => KeyValue[];
  /** Values are secrets: masked unless looked at while typing. */
  masked?: boolean;
}

/** Rows of name and value; the last one is always empty, and `prompt:consent, access_type:offline` may be pasted whole. */
export function KeyValueRows({
  value,
  onChange,
  noun = "Parameter",
  namePlaceholder = "Name, or paste a:b, c:d",
  valuePlaceholder = "Value",
  refuse,
  read = parsePairs,
  masked = false,
}: KeyValueRowsProps) {
  const box = useRef<HTMLDivElement>(null);
  const [shown, setShown] = useState(false);
  const rows = [...value, { key: "", value: "" }];
  const set = (index: number, row: KeyValue) => {
    const next = rows.map((old, at) => (at === index ? row : old));
    onChange(next.filter((pair, at) => pair.key !== "" || pair.value !== "" || (at === index && at < value.length)));
  };
  const remove = (index: number) => {
    onChange(value.filter((_, at) => at !== index));
    requestAnimationFrame(() => box.current?.querySelectorAll<HTMLInputElement>("input")[index * 2]?.focus());
  };
  const paste = (index: number, event: ClipboardEvent<HTMLInputElement>) => {
    const pairs = read(event.clipboardData.getData("text"));
    if (pairs.length === 0 || (rows[index]?.key ?? "") !== "") return;
    event.preventDefault();
    // A name pasted again replaces the value it had.
    const kept = value.filter((row, at) => at !== index && !pairs.some((pair) => pair.key === row.key));
    onChange([...kept, ...pairs]);
  };
  /** A typed `a:b, c:d` becomes rows on leaving the field, as a pasted one does. */
  const leave = (index: number) => {
    const row = rows[index];
    if (row?.value !== "") return;
    const pairs = read(row.key);
    if (pairs.length === 0) return;
    const kept = value.filter((other, at) => at !== index && !pairs.some((pair) => pair.key === other.key));
    onChange([...kept, ...pairs]);
  };
  const complaints = new Map<number, string>();
  value.forEach((row, index) => {
    const first = value.findIndex((other) => other.key === row.key);
    if (row.key !== "" && first !== index) complaints.set(index, `${row.key} is given twice. Keep one of them.`);
    else if (row.key === "" && row.value !== "") complaints.set(index, "This value has no name.");
    else {
      const refused = row.key === "" ? null : (refuse?.(row.key) ?? null);
      if (refused) complaints.set(index, refused);
    }
  });
  return (
    <>
      <div className="kv" ref={box}>
        {rows.map((row, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a row's name is what is being typed, so its place is its identity
          <div className="kv-row" key={index}>
            <input
              aria-label={`${noun} ${index + 1} name`}
              aria-invalid={complaints.has(index) || undefined}
              value={row.key}
              placeholder={index === value.length ? namePlaceholder : undefined}
              autoComplete="off"
              autoCapitalize="none"
              spellCheck={false}
              onChange={(event) => set(index, { ...row, key: event.target.value })}
              onPaste={(event) => paste(index, event)}
              onBlur={() => leave(index)}
            />
            <input
              aria-label={`${noun} ${index + 1} value`}
              type={masked && !shown ? "password" : "text"}
              data-1p-ignore={masked || undefined}
              value={row.value}
              placeholder={index === value.length ? valuePlaceholder : undefined}
              autoComplete="off"
              autoCapitalize="none"
              spellCheck={false}
              onChange={(event) => set(index, { ...row, value: event.target.value })}
            />
            {index < value.length ? (
              <button
                type="button"
                aria-label={`Remove ${row.key || `${noun.toLowerCase()} ${index + 1}`}`}
                onClick={() => remove(index)}
              >
                <X className="i i-sm" aria-hidden />
              </button>
            ) : (
              <span />
            )}
          </div>
        ))}
      </div>
      {masked && value.some((row) => row.value !== "") ? (
        <Button variant="plain" size="sm" aria-pressed={shown} onClick={() => setShown(!shown)}>
          {shown ? "Hide values" : "Show values while typing"}
        </Button>
      ) : null}
      {complaints.size > 0 ? (
        <p className="field-error" role="alert">
          {[...new Set(complaints.values())].join(" ")}
        </p>
      ) : null}
    </>
  );
}
