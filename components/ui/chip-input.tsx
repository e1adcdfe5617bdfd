"use client";

import { Plus, X } from "lucide-react";
import { type ClipboardEvent, type KeyboardEvent, type ReactNode, useRef, useState } from "react";
import { useField } from "./field";

export interface ChipInputProps {
  value: string[];
  onChange: (value: string[]) => void;
  placeholder?: string;
  /** Offered below while not yet chosen. */
  suggestions?: string[];
  suggestionsLabel?: string;
  /** Where a word may hold what otherwise divides words. */
  words?: ChipWords;
  /** A warning or note beneath. */
  children?: ReactNode;
  /** For a control outside a `Field`. */
  "aria-label"?: string;
}

/** How typed and pasted text is divided into words. */
export interface ChipWords {
  split(text: string): string[];
  /** Whether a comma or a space after it goes on with the same word. */
  goesOn(text: string): boolean;
}

const PLAIN_WORDS: ChipWords = { split: (text) => text.split(/[\s,]+/u).filter(Boolean), goesOn: () => false };

const short = (text: string) =>
  text.length > 28 && text.includes("/") ? `…/${text.split("/").slice(-2).join("/")}` : text;

/** A list of words as removable chips. A pasted list splits on commas and white space; what is there already is ignored and said. */
export function ChipInput({
  value,
  onChange,
  placeholder = "Add or paste a list",
  suggestions = [],
  suggestionsLabel = "Often used:",
  words = PLAIN_WORDS,
  children,
  ...rest
}: ChipInputProps) {
  const field = useField();
  const input = useRef<HTMLInputElement>(null);
  const [text, setText] = useState("");
  const [said, setSaid] = useState("");

  const add = (raw: string) => {
    const fresh: string[] = [];
    const twice: string[] = [];
    for (const word of words.split(raw))
      if (value.includes(word) || fresh.includes(word)) twice.push(word);
      else fresh.push(word);
    if (fresh.length > 0) onChange([...value, ...fresh]);
    setSaid(
      twice.length === 0
        ? ""
        : `${twice.map(short).join(", ")} ${twice.length === 1 ? "is" : "are"} in the list already.`,
    );
    setText("");
  };
  const remove = (word: string) => {
    onChange(value.filter((other) => other !== word));
    setSaid("");
    input.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent<HTMLInputElement>) => {
    if (event.nativeEvent.isComposing) return;
    if ((event.key === "," || event.key === " ") && words.goesOn(text)) return;
    if ((event.key === "Enter" || event.key === "," || event.key === " ") && text.trim() !== "") {
      event.preventDefault();
      add(text);
    } else if (event.key === "," || event.key === " ") event.preventDefault();
    else if (event.key === "Backspace" && text === "" && value.length > 0) remove(value.at(-1) ?? "");
  };
  const onPaste = (event: ClipboardEvent<HTMLInputElement>) => {
    const pasted = event.clipboardData.getData("text");
    if (!/[\s,]/u.test(pasted.trim())) return;
    event.preventDefault();
    add(`${text}${pasted}`);
  };
  const open = suggestions.filter((word) => !value.includes(word));

  return (
    <>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: clicking beside the chips only puts the caret into the input, which the keyboard reaches by itself */}
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: see above */}
      <div
        className="input chips"
        aria-invalid={field?.invalid || undefined}
        onClick={(event) => {
          if (event.target === event.currentTarget) input.current?.focus();
        }}
      >
        {value.map((word) => (
          <span className="chip" title={word} key={word}>
            <span className="trunc keep-end">
              <bdi dir="ltr">{word}</bdi>
            </span>
            <button type="button" aria-label={`Remove ${word}`} onClick={() => remove(word)}>
              <X className="i" aria-hidden />
            </button>
          </span>
        ))}
        <input
          ref={input}
          id={field?.id}
          value={text}
          placeholder={placeholder}
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          aria-label={rest["aria-label"]}
          aria-invalid={field?.invalid || undefined}
          aria-describedby={field?.describedBy}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={onKeyDown}
          onPaste={onPaste}
          onBlur={() => {
            if (text.trim() !== "") add(text);
          }}
        />
      </div>
      <span className={said ? "help" : "sr"} role="status">
        {said}
      </span>
      {open.length > 0 ? (
        <div className="suggest">
          <span>{suggestionsLabel}</span>
          {open.map((word) => (
            <button type="button" key={word} title={word} aria-label={`Add ${word}`} onClick={() => add(word)}>
              <Plus className="i i-sm" aria-hidden />
              {short(word)}
            </button>
          ))}
        </div>
      ) : null}
      {children}
    </>
  );
}
