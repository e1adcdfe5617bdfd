"use client";

import { Check, TriangleAlert, X } from "lucide-react";
import { Toast as Radix } from "radix-ui";
import { createContext, type ReactNode, useCallback, useContext, useMemo, useState } from "react";

export interface ToastMessage {
  /** One sentence. */
  title: string;
  /** Failure stays until closed; success goes by itself. */
  tone?: "ok" | "danger";
  /** Such as undo. */
  action?: { label: string; onSelect: () => void };
}

interface Shown extends ToastMessage {
  id: number;
  open: boolean;
}

const ToastContext = createContext<((message: ToastMessage) => void) | null>(null);

/** Gives the function that shows a toast. Never let a toast be the only place an error is told. */
export function useToast(): (message: ToastMessage) => void {
  const show = useContext(ToastContext);
  if (!show) throw new Error("useToast needs a ToastProvider above it.");
  return show;
}

let counter = 0;

/** Holds the toasts of the page, at the bottom right; F8 moves the focus there. */
export function ToastProvider({ children }: { children: ReactNode }) {
  const [toasts, setToasts] = useState<Shown[]>([]);
  const show = useCallback((message: ToastMessage) => {
    counter += 1;
    const id = counter;
    setToasts((old) => [...old.filter((toast) => toast.open).slice(-2), { ...message, id, open: true }]);
  }, []);
  const close = useCallback(
    (id: number) => setToasts((old) => old.map((toast) => (toast.id === id ? { ...toast, open: false } : toast))),
    [],
  );
  const value = useMemo(() => show, [show]);
  return (
    <ToastContext.Provider value={value}>
      <Radix.Provider swipeDirection="right" duration={5000} label="Notification">
        {children}
        {toasts.map((toast) => (
          <Radix.Root
            key={toast.id}
            className="toast"
            open={toast.open}
            onOpenChange={(open) => {
              if (!open) close(toast.id);
            }}
            {...(toast.tone === "danger" ? { duration: Number.POSITIVE_INFINITY } : {})}
          >
            {toast.tone === "danger" ? (
              <TriangleAlert className="i" aria-hidden />
            ) : (
              <Check className="i" aria-hidden />
            )}
            <Radix.Title className="toast-text">{toast.title}</Radix.Title>
            {toast.action ? (
              <Radix.Action altText={toast.action.label} asChild>
                <button type="button" className="toast-act" onClick={toast.action.onSelect}>
                  {toast.action.label}
                </button>
              </Radix.Action>
            ) : null}
            <Radix.Close aria-label="Close">
              <X className="i" aria-hidden />
            </Radix.Close>
          </Radix.Root>
        ))}
        <Radix.Viewport className="toasts" />
      </Radix.Provider>
    </ToastContext.Provider>
  );
}
