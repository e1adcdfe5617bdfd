"use client";

import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { Tooltip } from "radix-ui";
import { type ReactNode, useState } from "react";
import { ToastProvider } from "@/components/ui/toast";
import { LatchkeyError } from "@/lib/sdk/errors";

/** A refusal will not change by asking again; a lost connection or a failing server may. */
function worthRetrying(count: number, error: unknown): boolean {
  if (error instanceof LatchkeyError && error.status > 0 && error.status < 500) return false;
  return count < 2;
}

/** What every page needs around it: data cache, toasts, tooltips. */
export function Providers({ children }: { children: ReactNode }) {
  const [client] = useState(
    () =>
      new QueryClient({
        defaultOptions: {
          queries: { retry: worthRetrying, staleTime: 5_000, refetchOnWindowFocus: true },
          mutations: { retry: false },
        },
      }),
  );
  return (
    <QueryClientProvider client={client}>
      <Tooltip.Provider delayDuration={400}>
        <ToastProvider>{children}</ToastProvider>
      </Tooltip.Provider>
    </QueryClientProvider>
  );
}
