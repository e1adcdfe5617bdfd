"use client";

import { Tabs as Radix } from "radix-ui";
import type { ReactNode } from "react";

export interface TabsProps {
  /** Names the set for a screen reader. */
  label: string;
  tabs: { value: string; label: ReactNode; content: ReactNode }[];
  value?: string;
  onValueChange?: (value: string) => void;
  /** What is typed in a part stays when another is looked at. */
  keep?: boolean;
}

/** Parts of one page beside each other; arrows move between them. */
export function Tabs({ label, tabs, value, onValueChange, keep = false }: TabsProps) {
  return (
    <Radix.Root
      {...(value === undefined ? { defaultValue: tabs[0]?.value } : { value })}
      {...(onValueChange ? { onValueChange } : {})}
    >
      <Radix.List className="tabs" aria-label={label}>
        {tabs.map((tab) => (
          <Radix.Trigger className="tab" value={tab.value} key={tab.value}>
            {tab.label}
          </Radix.Trigger>
        ))}
      </Radix.List>
      {tabs.map((tab) => (
        <Radix.Content className="tab-body" value={tab.value} key={tab.value} {...(keep ? { forceMount: true } : {})}>
          {tab.content}
        </Radix.Content>
      ))}
    </Radix.Root>
  );
}
