"use client";

import { Check, Copy } from "lucide-react";
import { Fragment, useId, useRef } from "react";
import { useCopy } from "./copy";
import { cx } from "./cx";

export interface CopyFieldProps {
  /** What is shown and copied. */
  value: string;
  /** The part of the value to underline, such as what follows the name. */
  mark?: string | null | undefined;
  /** What the button says. */
  label?: string;
  className?: string;
}

/** Lets long addresses break after their slashes, and only there; the marked part stays whole. */
function Pieces({ text }: { text: string }) {
  return text.split(/(?<=[^/:]\/|:\/\/)/u).map((piece, index) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: pieces have no identity beyond their place
    <Fragment key={index}>
      {index > 0 ? <wbr /> : null}
      {piece}
    </Fragment>
  ));
}

/** A read-only text with its copy button. When copying is refused the text gets selected, ready for the keyboard. */
export function CopyField({ value, mark, label = "Copy", className }: CopyFieldProps) {
  const id = useId();
  const shown = useRef<HTMLDivElement>(null);
  const { state, copy } = useCopy();
  const press = async () => {
    if (await copy(value)) return;
    if (shown.current) window.getSelection()?.selectAllChildren(shown.current);
  };
  const from = mark ? value.lastIndexOf(mark) : -1;
  return (
    <div className={cx("copy", className)}>
      <div className="copy-text" id={id} ref={shown}>
        {mark && from >= 0 ? (
          <>
            <Pieces text={value.slice(0, from)} />
            <wbr />
            <span className="tail">
              <mark>{mark}</mark>
              {value.slice(from + mark.length)}
            </span>
          </>
        ) : (
          <Pieces text={value} />
        )}
      </div>
      <button
        className={cx("copy-btn", state === "copied" && "is-done")}
        type="button"
        aria-describedby={id}
        onClick={() => void press()}
      >
        {state === "copied" ? <Check className="i" aria-hidden /> : <Copy className="i" aria-hidden />}
        <span className="copy-word" data-rest={label}>
          {state === "copied" ? "Copied" : state === "refused" ? "Press Ctrl+C" : label}
        </span>
      </button>
      <span className="sr" role="status">
        {state === "copied" ? "Copied" : state === "refused" ? "Copying was refused. The text is selected." : ""}
      </span>
    </div>
  );
}
