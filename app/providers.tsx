"use client";

import { QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { Tooltip } from "radix-ui";
import { type ReactNode, useState } from "react";
import { signInPath } from "@/components/accounts/safe-path";
import { ToastProvider } from "@/components/ui/toast";
import { LatchkeyError } from "@/lib/sdk/errors";

/** A refusal will not change by asking again; a lost connection or a failing server may. */
function worthRetrying(count: number, error: unknown): boolean {
  if (error instanceof LatchkeyError && error.status > 0 && error.status < 500) return false;
  return count < 2;
}

/** The session ended meanwhile: sign in again and come back here. Twice at once changes nothing. */
function onQueryError(error: unknown): void {
  if (!(error instanceof LatchkeyError) || error.status !== 401) return;
  const { pathname, search } = window.location;
  if (pathname !== "/sign-in") window.location.assign(signInPath(pathname + search));
}

/** What every page needs around it: data cache, toasts, tooltips. */
export function Providers({ children }: { children: ReactNode }) {
  const [client] = useState(
    () =>
      new QueryClient({
        queryCache: new QueryCache({ onError: onQueryError }),
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
