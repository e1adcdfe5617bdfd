"use client";

import { Eye, EyeOff } from "lucide-react";
import { type ChangeEvent, useEffect, useRef, useState } from "react";
import { Button } from "./button";
import { useField } from "./field";
import { Input, type InputProps } from "./input";

export interface SecretInputProps extends Omit<InputProps, "type" | "after" | "before"> {
  /** A value is stored already. It is never sent here; the person may only replace it. */
  stored?: boolean;
  /** Told when the person starts or gives up replacing a stored value. */
  onReplacingChange?: (replacing: boolean) => void;
  /** What the value is called in button names, such as "client secret". */
  what?: string;
}

/**
 * A masked line. What is being typed may be shown while it is typed; a stored value has no way to be shown, only "Replace".
 */
export function SecretInput({
  stored = false,
  onReplacingChange,
  what = "value",
  onChange,
  ...rest
}: SecretInputProps) {
  const field = useField();
  const [replacing, setReplacing] = useState(false);
  const [shown, setShown] = useState(false);
  const [typed, setTyped] = useState(Boolean(rest.value ?? rest.defaultValue));
  const input = useRef<HTMLDivElement>(null);

  useEffect(() => {
    if (replacing) input.current?.querySelector("input")?.focus();
  }, [replacing]);

  const change = (event: ChangeEvent<HTMLInputElement>) => {
    setTyped(event.target.value !== "");
    if (event.target.value === "") setShown(false);
    onChange?.(event);
  };
  const replace = (next: boolean) => {
    setReplacing(next);
    setShown(false);
    onReplacingChange?.(next);
  };

  if (stored && !replacing)
    return (
      <div className="input is-found">
        <span className="masked grow" role="img" aria-label={`A ${what} is stored`}>
          ••••••••••••
        </span>
        {/* Named by itself: the field's label points here too, and would otherwise be all that is said. */}
        <Button
          id={field?.id}
          variant="plain"
          size="sm"
          className="in-input"
          aria-label={`Replace ${what}`}
          onClick={() => replace(true)}
        >
          Replace
        </Button>
      </div>
    );
  return (
    <div ref={input}>
      <Input
        code
        autoComplete="off"
        data-1p-ignore
        {...rest}
        type={shown ? "text" : "password"}
        onChange={change}
        after={
          <>
            {typed || rest.value ? (
              <Button
                variant="plain"
                size="sm"
                icon
                className="in-input"
                aria-label={shown ? `Hide ${what}` : `Show ${what} while typing`}
                aria-pressed={shown}
                onClick={() => setShown(!shown)}
              >
                {shown ? <EyeOff className="i" aria-hidden /> : <Eye className="i" aria-hidden />}
              </Button>
            ) : null}
            {stored ? (
              <Button variant="plain" size="sm" className="in-input" onClick={() => replace(false)}>
                Keep the stored one
              </Button>
            ) : null}
          </>
        }
      />
    </div>
  );
}
