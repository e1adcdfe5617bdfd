"use client";

import { AlertDialog } from "radix-ui";
import type { ReactNode } from "react";
import { Button } from "./button";
import { FieldError } from "./field-error";
import { useReturnFocus } from "./return-focus";

export interface ConfirmDialogProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  /** Names what is destroyed: "Delete “Salesforce production”?" */
  title: ReactNode;
  /** What uses it, what happens, what does not. */
  children: ReactNode;
  /** What the button does, in its own words: "Delete secret". */
  confirm: string;
  cancel?: string;
  onConfirm: () => void;
  busy?: boolean;
  error?: string | null | undefined;
}

/** Asks before something is destroyed. The safe answer has the focus. It stays open until told to close. */
export function ConfirmDialog({
  open,
  onOpenChange,
  title,
  children,
  confirm,
  cancel = "Cancel",
  onConfirm,
  busy = false,
  error,
}: ConfirmDialogProps) {
  const focus = useReturnFocus("[data-safe]");
  return (
    <AlertDialog.Root open={open} onOpenChange={(next) => (busy ? undefined : onOpenChange(next))}>
      <AlertDialog.Portal>
        <AlertDialog.Overlay className="scrim" />
        <AlertDialog.Content className="dialog dialog-sm" {...focus}>
          <div className="dlg-ask">
            <AlertDialog.Title>{title}</AlertDialog.Title>
            <AlertDialog.Description asChild>
              <div className="dlg-ask-text">{children}</div>
            </AlertDialog.Description>
            {error ? <FieldError>{error}</FieldError> : null}
          </div>
          <footer className="dlg-foot">
            <span className="spacer" />
            <AlertDialog.Cancel asChild>
              <Button data-safe>{cancel}</Button>
            </AlertDialog.Cancel>
            <Button variant="danger" className="btn-danger-full" busy={busy} onClick={onConfirm}>
              {confirm}
            </Button>
          </footer>
        </AlertDialog.Content>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  );
}
