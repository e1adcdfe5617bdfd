"use client";

import { TriangleAlert, X } from "lucide-react";
import { Dialog as Radix } from "radix-ui";
import type { FormEventHandler, ReactNode } from "react";
import { Button } from "./button";
import { useGuardedClose } from "./closing";
import { ConfirmDialog } from "./confirm-dialog";
import { cx } from "./cx";
import { useReturnFocus } from "./return-focus";
import { useFocusWrong } from "./use-focus-wrong";

export interface OverlayProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: ReactNode;
  /** Below the title: where it leads back to. */
  sub?: ReactNode;
  /** Before the title: a tile. */
  before?: ReactNode;
  /** Buttons left of the close button. */
  headActions?: ReactNode;
  /** Shown on top of the body: what went wrong with the whole. */
  error?: ReactNode;
  /** Buttons at the bottom; in a form, the submit button lies here. */
  foot?: ReactNode;
  /** There are changes: closing asks before they are lost. */
  dirty?: boolean;
  /** Work is under way: it cannot be closed by accident. */
  busy?: boolean;
  /** Makes the whole a form. */
  onSubmit?: FormEventHandler<HTMLFormElement>;
  className?: string;
  children: ReactNode;
}

/** What dialog and drawer share: scrim, focus, Esc, head, body, foot, and the question before changes are lost. */
export function Overlay({
  open,
  onOpenChange,
  title,
  sub,
  before,
  headActions,
  error,
  foot,
  dirty = false,
  busy = false,
  onSubmit,
  className,
  children,
}: OverlayProps) {
  // A form starts at its first field; anything else at its first sentence, so that it is read from the start.
  const focus = useReturnFocus(
    onSubmit
      ? '.dlg-body :is(input:not([type="radio"], [type="checkbox"]), textarea, select, [role="combobox"])'
      : ".dlg-body",
  );
  const { asking, change, stay, leave } = useGuardedClose(onOpenChange, dirty);
  const { form, sent } = useFocusWrong(busy);
  const inner = (
    <>
      <div className="dlg-body stack-sm" tabIndex={-1}>
        {error ? (
          <div className="dlg-error" role="alert">
            <TriangleAlert className="i" aria-hidden />
            <div>{error}</div>
          </div>
        ) : null}
        {children}
      </div>
      {foot ? (
        <footer className="dlg-foot">
          <span className="spacer" />
          {foot}
        </footer>
      ) : null}
    </>
  );
  return (
    <Radix.Root open={open} onOpenChange={(next) => (busy && !next ? undefined : change(next))}>
      <Radix.Portal>
        <Radix.Overlay className="scrim" />
        <Radix.Content
          className={cx(className)}
          {...focus}
          aria-busy={busy || undefined}
          {...(sub ? {} : { "aria-describedby": undefined })}
        >
          <header className="dlg-head">
            {before}
            <div className="dlg-title">
              <Radix.Title className="trunc" dir="auto">
                {title}
              </Radix.Title>
              {sub ? <Radix.Description className="sub">{sub}</Radix.Description> : null}
            </div>
            <div className="dlg-acts">
              {headActions}
              <Radix.Close asChild>
                <Button variant="plain" icon aria-label="Close">
                  <X className="i" aria-hidden />
                </Button>
              </Radix.Close>
            </div>
          </header>
          {onSubmit ? (
            <form
              className="dlg-form"
              ref={form}
              noValidate
              onSubmit={(event) => {
                // React events climb through portals: without this a dialog over a form would submit that form too.
                event.stopPropagation();
                sent();
                onSubmit(event);
              }}
            >
              {inner}
            </form>
          ) : (
            inner
          )}
        </Radix.Content>
      </Radix.Portal>
      <ConfirmDialog
        open={asking}
        onOpenChange={(next) => (next ? undefined : stay())}
        title="Leave without saving?"
        confirm="Discard changes"
        cancel="Keep editing"
        onConfirm={leave}
      >
        What you typed here is not saved yet.
      </ConfirmDialog>
    </Radix.Root>
  );
}
