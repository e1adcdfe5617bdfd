"use client";

import { useState } from "react";

/**
 * Closing that asks first. While `dirty`, closing (Esc, scrim, close button) only raises the question; `leave` closes for good.
 */
export function useGuardedClose(onOpenChange: (open: boolean) => void, dirty: boolean) {
  const [asking, setAsking] = useState(false);
  return {
    asking,
    change(open: boolean) {
      if (open || !dirty) onOpenChange(open);
      else setAsking(true);
    },
    stay: () => setAsking(false),
    leave() {
      setAsking(false);
      onOpenChange(false);
    },
  };
}
