"use client";

import { Check, ChevronsUpDown, Plus, Search } from "lucide-react";
import { Popover } from "radix-ui";
import { type KeyboardEvent, type ReactNode, useEffect, useId, useMemo, useRef, useState } from "react";
import { cx } from "./cx";
import { useField } from "./field";
import { Skeleton } from "./skeleton";
import { Tag } from "./tag";
import { Tile } from "./tile";

export interface ComboboxItem {
  value: string;
  label: string;
  /** Second line, such as the host; also decides the tile's hue. */
  sub?: string | null | undefined;
  /** At the end, such as the visibility. */
  tag?: string | null | undefined;
  /** Found by search but not shown. */
  keywords?: string;
}

export interface ComboboxProps {
  items: ComboboxItem[];
  value: string | null;
  onChange: (value: string) => void;
  /** A last entry that is always there, such as "+Add New Client". A leading + becomes its icon. */
  pinned?: { label: string; onSelect: (typed: string) => void };
  placeholder?: string;
  searchPlaceholder?: string;
  /** Said when nothing matches. */
  emptyText?: ReactNode;
  /** Said when there are no items at all. */
  noneText?: ReactNode;
  loading?: boolean;
  /** Told what is typed, for items that are found elsewhere; `searching` while they are looked for. */
  onSearch?: (typed: string) => void;
  searching?: boolean;
  /** Below the items while nothing is typed, such as that there are more. */
  hint?: ReactNode;
  /** Letter tiles before the entries. */
  tiles?: boolean;
  disabled?: boolean;
  /** For use outside a `Field`. */
  "aria-label"?: string;
}

const PINNED = " pinned";

/** A searchable picker: one button that opens a search field over a list, all by keyboard. */
export function Combobox({
  items,
  value,
  onChange,
  pinned,
  placeholder = "Choose",
  searchPlaceholder = "Search",
  emptyText = "Nothing matches.",
  noneText = "There is nothing to choose yet.",
  loading = false,
  onSearch,
  searching = false,
  hint,
  tiles = true,
  disabled = false,
  ...rest
}: ComboboxProps) {
  const field = useField();
  const own = useId();
  const listId = `${own}-list`;
  const button = useRef<HTMLButtonElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const [open, setOpen] = useState(false);
  const [query, setQuery] = useState("");
  const [active, setActive] = useState<string | null>(null);
  // What was chosen runs after the popover has given focus back, so that a dialog it opens keeps the focus it takes.
  const after = useRef<(() => void) | null>(null);

  const chosen = items.find((item) => item.value === value) ?? null;
  const found = useMemo(() => {
    const words = query.trim().toLowerCase().split(/\s+/u).filter(Boolean);
    return items.filter((item) => {
      const text = `${item.label} ${item.sub ?? ""} ${item.tag ?? ""} ${item.keywords ?? ""}`.toLowerCase();
      return words.every((word) => text.includes(word));
    });
  }, [items, query]);
  const order = useMemo(() => [...found.map((item) => item.value), ...(pinned ? [PINNED] : [])], [found, pinned]);
  // Enter must not choose the last entry for want of those that are still on their way.
  const coming = found.length === 0 && (loading || searching);
  const current = active !== null && order.includes(active) ? active : coming ? null : (order[0] ?? null);
  const optionId = (key: string) => `${own}-${key === PINNED ? "pinned" : `o-${key}`}`;

  useEffect(() => {
    if (open && current !== null)
      list.current?.querySelector('[data-active="true"]')?.scrollIntoView({ block: "nearest" });
  }, [open, current]);

  const type = (text: string) => {
    setQuery(text);
    onSearch?.(text);
  };
  const change = (next: boolean) => {
    setOpen(next);
    if (next) {
      type("");
      setActive(value);
    }
  };
  const choose = (key: string) => {
    const typed = query.trim();
    after.current = key === PINNED ? () => pinned?.onSelect(typed) : null;
    if (key !== PINNED) onChange(key);
    setOpen(false);
  };
  const move = (by: number) => {
    if (order.length === 0) return;
    const at = current === null ? -1 : order.indexOf(current);
    setActive(order[(at + by + order.length) % order.length] ?? null);
  };
  const onKeyDown = (event: KeyboardEvent<HTMLInputElement>) => {
    if (event.nativeEvent.isComposing) return;
    const act: Record<string, () => void> = {
      ArrowDown: () => move(1),
      ArrowUp: () => move(-1),
      PageDown: () => setActive(order[Math.min(order.length - 1, order.indexOf(current ?? "") + 8)] ?? null),
      PageUp: () => setActive(order[Math.max(0, order.indexOf(current ?? "") - 8)] ?? null),
      Enter: () => {
        if (current !== null) choose(current);
      },
    };
    const step = act[event.key];
    if (!step) return;
    event.preventDefault();
    step();
  };

  return (
    <Popover.Root open={open} onOpenChange={change} modal>
      <Popover.Trigger asChild>
        <button
          ref={button}
          type="button"
          id={field?.id}
          role="combobox"
          aria-haspopup="listbox"
          aria-expanded={open}
          aria-controls={open ? listId : undefined}
          aria-labelledby={rest["aria-label"] ? undefined : field?.labelId}
          aria-label={rest["aria-label"]}
          aria-describedby={field?.describedBy}
          aria-invalid={field?.invalid || undefined}
          disabled={disabled}
          className={cx("input combo-btn", open && "is-focus")}
          onKeyDown={(event) => {
            if (event.key === "ArrowDown" || event.key === "ArrowUp") {
              event.preventDefault();
              change(true);
            }
          }}
        >
          {chosen ? (
            <>
              {tiles ? <Tile name={chosen.label} seed={chosen.sub ?? chosen.label} size="sm" /> : null}
              <span className="trunc">{chosen.label}</span>
              {chosen.sub ? <span className="muted small trunc wide-only">{chosen.sub}</span> : null}
            </>
          ) : loading ? (
            <Skeleton w={16} />
          ) : (
            <span className="muted trunc">{placeholder}</span>
          )}
          <span className="end">
            <ChevronsUpDown className="i" aria-hidden />
          </span>
        </button>
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content
          className="combo-pop"
          align="start"
          sideOffset={4}
          collisionPadding={8}
          onCloseAutoFocus={(event) => {
            event.preventDefault();
            button.current?.focus();
            const run = after.current;
            after.current = null;
            run?.();
          }}
        >
          <div className="combo-search">
            <Search className="i" aria-hidden />
            <input
              type="search"
              aria-label={searchPlaceholder}
              aria-controls={listId}
              aria-activedescendant={current === null ? undefined : optionId(current)}
              placeholder={searchPlaceholder}
              value={query}
              autoComplete="off"
              spellCheck={false}
              onChange={(event) => {
                type(event.target.value);
                setActive(null);
              }}
              onKeyDown={onKeyDown}
            />
          </div>
          <div
            className="combo-list"
            role="listbox"
            id={listId}
            ref={list}
            aria-label={rest["aria-label"]}
            aria-labelledby={rest["aria-label"] ? undefined : field?.labelId}
          >
            <div className="combo-options" role="presentation">
              {found.map((item) => (
                // biome-ignore lint/a11y/useKeyWithClickEvents: keys are handled by the search field, which keeps the focus
                // biome-ignore lint/a11y/useFocusableInteractive: the option is active through aria-activedescendant
                <div
                  key={item.value}
                  id={optionId(item.value)}
                  role="option"
                  className="option"
                  aria-selected={item.value === value}
                  data-active={item.value === current || undefined}
                  onPointerMove={() => setActive(item.value)}
                  onClick={() => choose(item.value)}
                >
                  {tiles ? <Tile name={item.label} seed={item.sub ?? item.label} /> : null}
                  <span className="option-text">
                    <b className="trunc">{item.label}</b>
                    {item.sub ? <span className="trunc">{item.sub}</span> : null}
                  </span>
                  {item.value === value ? <Check className="i" aria-hidden /> : null}
                  {item.tag ? <Tag>{item.tag}</Tag> : null}
                </div>
              ))}
              {found.length === 0 ? (
                <p className="combo-none">
                  {loading || searching ? <Skeleton w={24} /> : items.length === 0 ? noneText : emptyText}
                </p>
              ) : hint && query.trim() === "" ? (
                <p className="combo-none">{hint}</p>
              ) : null}
            </div>
            {pinned ? (
              <div className="combo-foot" role="presentation">
                {/* biome-ignore lint/a11y/useKeyWithClickEvents: keys are handled by the search field, which keeps the focus */}
                {/* biome-ignore lint/a11y/useFocusableInteractive: the option is active through aria-activedescendant */}
                <div
                  id={optionId(PINNED)}
                  role="option"
                  aria-label={pinned.label}
                  aria-selected={false}
                  className="option option-add"
                  data-active={current === PINNED || undefined}
                  onPointerMove={() => setActive(PINNED)}
                  onClick={() => choose(PINNED)}
                >
                  <span className="plus">
                    <Plus className="i" aria-hidden />
                  </span>
                  {pinned.label.replace(/^\+/u, "")}
                </div>
              </div>
            ) : null}
          </div>
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}
