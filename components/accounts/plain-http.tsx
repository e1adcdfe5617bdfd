"use client";

import { useEffect, useState } from "react";
import { Note } from "@/components/ui/note";

/** Warns where a password would travel unencrypted: plain http on anything but this very machine. */
export function PlainHttpWarning() {
  const [bare, setBare] = useState(false);
  useEffect(() => {
    const { protocol, hostname } = window.location;
    setBare(protocol === "http:" && !/^(localhost|127(\.\d+){3}|\[::1\]|.+\.localhost)$/u.test(hostname));
  }, []);
  if (!bare) return null;
  return (
    <Note tone="warn" live>
      This connection is not encrypted: everyone on the way can read what you type. Open Latchkey over https, or ask
      whoever runs it to set that up.
    </Note>
  );
}
