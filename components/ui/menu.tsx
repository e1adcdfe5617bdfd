"use client";

import { Check, type LucideIcon } from "lucide-react";
import { DropdownMenu } from "radix-ui";
import type { ReactNode } from "react";

export type MenuEntry =
  | {
      kind?: "item";
      label: ReactNode;
      icon?: LucideIcon;
      onSelect: () => void;
      danger?: boolean;
      /** Greyed out, with the reason as second line. */
      disabledReason?: string | null | undefined;
    }
  | { kind: "check"; label: ReactNode; checked: boolean; onSelect: () => void }
  | { kind: "line" }
  | { kind: "title"; label: ReactNode };

export interface MenuProps {
  /** The one button that opens it. */
  trigger: ReactNode;
  entries: MenuEntry[];
  align?: "start" | "end";
  side?: "top" | "bottom";
}

/** A menu under a button, with arrows, first letters and Esc. */
export function Menu({ trigger, entries, align = "end", side = "bottom" }: MenuProps) {
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger asChild>{trigger}</DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content className="menu" align={align} side={side} sideOffset={4} collisionPadding={8} loop>
          {entries.map((entry, index) => {
            const key = index;
            if (entry.kind === "line") return <DropdownMenu.Separator className="menu-line" key={key} />;
            if (entry.kind === "title")
              return (
                <DropdownMenu.Label className="menu-title" key={key}>
                  {entry.label}
                </DropdownMenu.Label>
              );
            if (entry.kind === "check")
              return (
                <DropdownMenu.CheckboxItem
                  className="menu-item"
                  key={key}
                  checked={entry.checked}
                  onSelect={entry.onSelect}
                >
                  <span className="menu-mark">
                    <DropdownMenu.ItemIndicator>
                      <Check className="i" aria-hidden />
                    </DropdownMenu.ItemIndicator>
                  </span>
                  <span className="trunc">{entry.label}</span>
                </DropdownMenu.CheckboxItem>
              );
            const Icon = entry.icon;
            return (
              <DropdownMenu.Item
                className="menu-item"
                key={key}
                data-danger={entry.danger || undefined}
                disabled={Boolean(entry.disabledReason)}
                onSelect={entry.onSelect}
              >
                {Icon ? <Icon className="i" aria-hidden /> : null}
                <span className="menu-text">
                  {entry.label}
                  {entry.disabledReason ? <span className="menu-why">{entry.disabledReason}</span> : null}
                </span>
              </DropdownMenu.Item>
            );
          })}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}
