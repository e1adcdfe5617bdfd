"use client";

import { CopyButton } from "./copy-button";

/** Lines to copy. @param what names them for the button: "nginx" */
export function Lines({ what, text }: { what: string; text: string }) {
  return (
    <div className="lines">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: long lines scroll, by the keyboard too */}
      <pre tabIndex={0}>{text}</pre>
      <CopyButton variant="plain" size="sm" iconOnly label={`Copy the lines for ${what}`} text={text} />
    </div>
  );
}
