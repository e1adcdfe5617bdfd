"use client";

import { Download } from "lucide-react";
import type { ReactNode } from "react";
import { Button } from "./button";

/** A small button that saves what the page has as a file. */
export function SaveButton({
  file,
  type,
  content,
  children,
  ...rest
}: {
  file: string;
  type: string;
  content: string | Uint8Array<ArrayBuffer>;
  "aria-label"?: string;
  children: ReactNode;
}) {
  const save = () => {
    const url = URL.createObjectURL(new Blob([content], { type }));
    const link = document.createElement("a");
    link.href = url;
    link.download = file;
    link.click();
    URL.revokeObjectURL(url);
  };
  return (
    <Button variant="plain" size="sm" {...rest} onClick={save}>
      <Download className="i i-sm" aria-hidden />
      {children}
    </Button>
  );
}
