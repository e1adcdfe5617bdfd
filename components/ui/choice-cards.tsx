"use client";

import { type ReactNode, useId } from "react";
import { cx } from "./cx";

export interface Choice<T extends string> {
  value: T;
  title: ReactNode;
  text?: ReactNode;
  disabledReason?: string | null | undefined;
}

export interface ChoiceCardsProps<T extends string> {
  choices: Choice<T>[];
  value: T;
  onChange: (value: T) => void;
  /** `side`: only titles are seen, below each other, two by two when narrow; the group's help says more of the chosen one. `row`: beside each other. */
  layout?: "side" | "row" | "list";
  /** The radio group's name; one of its own when absent. */
  name?: string;
}

/** Radio buttons as cards. Put them in a `FieldGroup`, which names them. */
export function ChoiceCards<T extends string>({
  choices,
  value,
  onChange,
  layout = "list",
  name,
}: ChoiceCardsProps<T>) {
  const own = useId();
  return (
    <div className={cx("choice", layout !== "list" && `choice-${layout}`)}>
      {choices.map((choice) => (
        <label key={choice.value} title={choice.disabledReason ?? undefined}>
          <input
            type="radio"
            name={name ?? own}
            value={choice.value}
            checked={choice.value === value}
            disabled={Boolean(choice.disabledReason)}
            onChange={() => onChange(choice.value)}
          />
          <div>
            <b>{choice.title}</b>
            {choice.text || choice.disabledReason ? (
              <span className={layout === "side" ? "sr" : undefined}>{choice.disabledReason ?? choice.text}</span>
            ) : null}
          </div>
        </label>
      ))}
    </div>
  );
}
