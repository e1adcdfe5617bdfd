"use client";

import { Eye, EyeOff, Fingerprint, X } from "lucide-react";
import { type ReactNode, useState } from "react";
import { ReauthCancelled, withReauth } from "@/components/accounts/reauth";
import { waitWords } from "@/components/accounts/wait-words";
import { api } from "@/components/frame/api";
import { Button } from "@/components/ui/button";
import { CopyButton } from "@/components/ui/copy-button";
import { FieldError } from "@/components/ui/field-error";
import { LatchkeyError } from "@/lib/sdk/errors";

export interface StoredValueProps {
  workspaceId: string;
  secretId: string;
  /** What `reveal` is asked for, such as `access_token`. */
  field: string;
  /** Its name in sentences: "access token". */
  what: string;
  label: string;
  fingerprint: string | null;
  /** Instead of the mask: the value is missing or worthless. */
  bad?: ReactNode;
  /** It is missing and nothing is wrong with that. */
  unneeded?: boolean;
  /** Why it cannot be shown; null when it can. */
  hidden: string | null;
  /** It is never shown to people: there is nothing to press. */
  never: boolean;
}

/**
 * A value that lies in the vault: masked, told apart by its fingerprint. It comes into the page only when asked for, is recorded, and is gone
 * when hidden, renewed or closed.
 */
export function StoredValue(props: StoredValueProps) {
  // Another generation is another value: what was shown of the old one goes.
  return <Shown key={`${props.secretId}.${props.field}.${props.fingerprint ?? ""}`} {...props} />;
}

function Shown({
  workspaceId,
  secretId,
  field,
  what,
  label,
  fingerprint,
  bad,
  unneeded,
  hidden,
  never,
}: StoredValueProps) {
  const [value, setValue] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const fetchValue = async () => {
    const answer = await withReauth(() => api.secrets.reveal(workspaceId, secretId, field));
    return answer.data.attributes.value;
  };
  const tell = (caught: unknown) => {
    if (caught instanceof ReauthCancelled) return;
    if (caught instanceof LatchkeyError && caught.status === 429)
      setError(`You have shown many values in a short time. Try again ${waitWords(caught.retryAfterS)}.`);
    else setError(caught instanceof Error ? caught.message : String(caught));
  };
  const reveal = async () => {
    setBusy(true);
    setError(null);
    try {
      setValue(await fetchValue());
    } catch (caught) {
      tell(caught);
    } finally {
      setBusy(false);
    }
  };
  return (
    <div className="fact">
      <dt>{label}</dt>
      <dd className="val">
        {unneeded ? (
          <span className="muted">None, and none is needed</span>
        ) : bad ? (
          <span className="bad">
            <X className="i i-sm" aria-hidden />
            {bad}
          </span>
        ) : value === null || never ? (
          <span className="masked" role="img" aria-label="Hidden">
            ••••••••••••
          </span>
        ) : (
          <code className="shown-value">{value}</code>
        )}
        {fingerprint ? (
          <span className="fp" title="Fingerprint: tells values apart without showing them">
            <Fingerprint className="i i-sm" aria-hidden />
            <span className="sr">Fingerprint </span>
            {fingerprint}
          </span>
        ) : null}
        {error ? <FieldError>{error}</FieldError> : null}
      </dd>
      <dd className="fact-acts">
        {bad || unneeded || never ? null : (
          <>
            <Button
              variant="plain"
              size="sm"
              icon
              busy={busy}
              aria-label={value === null ? `Reveal ${what}. This is recorded` : `Hide ${what}`}
              title={value === null ? "Reveal. This is recorded" : "Hide"}
              disabledReason={hidden}
              onClick={() => {
                if (value === null) void reveal();
                else setValue(null);
              }}
            >
              {value === null ? <Eye className="i" aria-hidden /> : <EyeOff className="i" aria-hidden />}
            </Button>
            <CopyButton
              variant="plain"
              size="sm"
              iconOnly
              label={`Copy ${what}. This is recorded`}
              disabledReason={hidden}
              text={
                value ??
                (() => {
                  setError(null);
                  return fetchValue();
                })
              }
              onFail={tell}
            />
          </>
        )}
      </dd>
    </div>
  );
}
