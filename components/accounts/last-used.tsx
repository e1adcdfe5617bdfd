import { RelativeTime } from "@/components/ui/relative-time";

/** When a key was last used, as a sentence: asked before it is ended. */
export function LastUsed({ at }: { at: string | null | undefined }) {
  if (!at) return "It was never used.";
  return (
    <>
      It was last used <RelativeTime at={at} />.
    </>
  );
}
