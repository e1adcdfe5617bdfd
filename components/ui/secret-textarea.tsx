"use client";

import { type ChangeEvent, type ComponentProps, useState } from "react";
import { Button } from "./button";
import { cx } from "./cx";
import { Textarea } from "./textarea";

/** Several lines that are nobody else's to read, such as a private key: masked unless looked at while typing. */
export function SecretTextarea({
  what,
  onChange,
  ...rest
}: ComponentProps<"textarea"> & { /** What the value is called in button names. */ what: string }) {
  const [shown, setShown] = useState(false);
  const change = (event: ChangeEvent<HTMLTextAreaElement>) => {
    if (event.target.value === "") setShown(false);
    onChange?.(event);
  };
  return (
    <div className="secret-area">
      <Textarea
        code
        autoComplete="off"
        autoCapitalize="none"
        data-1p-ignore
        {...rest}
        className={cx(!shown && "is-masked", rest.className)}
        onChange={change}
      />
      {rest.value ? (
        <Button variant="plain" size="sm" aria-pressed={shown} onClick={() => setShown(!shown)}>
          {shown ? `Hide ${what}` : `Show ${what} while typing`}
        </Button>
      ) : null}
    </div>
  );
}
