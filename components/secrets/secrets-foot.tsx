import { Check, RotateCw } from "lucide-react";
import { Kbd } from "@/components/ui/kbd";
import type { Liveness } from "./use-live";

/** Below the list: how it keeps up with what happens, and which keys it knows. */
export function SecretsFoot({ liveness }: { liveness: Liveness }) {
  return (
    <div className="rows-foot">
      <span className="live">
        {liveness === "live" ? (
          <>
            <Check className="i i-sm" aria-hidden />
            Live. Rows change as tokens are renewed.
          </>
        ) : (
          <>
            <RotateCw className="i i-sm" aria-hidden />
            Looked up every 5 s. Rows change as tokens are renewed.
          </>
        )}
      </span>
      <span className="keys">
        <span>
          <Kbd>↑</Kbd>
          <Kbd>↓</Kbd> move
        </span>
        <span>
          <Kbd>Enter</Kbd> open
        </span>
        <span>
          <Kbd>Esc</Kbd> close
        </span>
      </span>
    </div>
  );
}
