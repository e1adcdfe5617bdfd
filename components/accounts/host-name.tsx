"use client";

import { useEffect, useState } from "react";

/** The host this page came from, so that one sees where the password goes. */
export function HostName() {
  const [host, setHost] = useState("");
  useEffect(() => setHost(window.location.host), []);
  return <>{host || "\u00a0"}</>;
}
