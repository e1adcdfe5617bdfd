"use client";

import { Check, Copy } from "lucide-react";
import { Button, type ButtonProps } from "./button";
import { useCopy } from "./copy";

export interface CopyButtonProps extends Omit<ButtonProps, "onClick" | "children" | "icon"> {
  /** The text, or a way to get it when it must not lie in the page. */
  text: string | (() => Promise<string>);
  /** What the button says, such as "Copy callback URL". */
  label: string;
  /** Only the icon is shown; the label becomes its name. */
  iconOnly?: boolean;
  /** Told when fetching the text failed. */
  onFail?: (error: unknown) => void;
}

/** Copies a text and says so for two seconds, to the eye and to a screen reader. */
export function CopyButton({ text, label, iconOnly, onFail, ...rest }: CopyButtonProps) {
  const { state, copy } = useCopy();
  const Icon = state === "copied" ? Check : Copy;
  const word = state === "copied" ? "Copied" : state === "refused" ? "Copying was refused" : label;
  return (
    <>
      <Button
        {...rest}
        icon={iconOnly ?? false}
        busy={state === "busy" && typeof text !== "string"}
        aria-label={iconOnly ? label : undefined}
        title={iconOnly ? label : rest.title}
        onClick={() => {
          copy(text).catch((error: unknown) => onFail?.(error));
        }}
      >
        <Icon className={state === "copied" ? "i tone-ok" : "i"} aria-hidden />
        {iconOnly ? null : word}
      </Button>
      <span className="sr" role="status">
        {state === "copied" ? "Copied" : state === "refused" ? "The browser refused to copy" : ""}
      </span>
    </>
  );
}
