"use client";

import { useState } from "react";
import { api } from "@/components/frame/api";
import { CopyField } from "@/components/ui/copy-field";
import { Field } from "@/components/ui/field";
import { sortErrors } from "@/components/ui/server-errors";
import { Textarea } from "@/components/ui/textarea";
import type { Jwe } from "@/lib/sdk/resources";
import { TrialPanes } from "./trial-panes";
import type { TryProps } from "./try-screen";
import { useTry } from "./use-try";

/** A text encrypted for the key pair. */
export function TryEncrypt({ workspaceId, secret, refused }: TryProps) {
  const [plaintext, setPlaintext] = useState("");
  const trial = useTry<Jwe>();
  const { fields, rest } = sortErrors(trial.error, { "/plaintext": "plaintext" });
  return (
    <TrialPanes
      label="Encrypt a text"
      send="Encrypt"
      trial={trial}
      refused={refused}
      onSend={() => void trial.run(async () => (await api.secrets.encryptJwe(workspaceId, secret.id, plaintext)).data)}
      failure={rest}
      empty="Nothing was encrypted yet. The token stands here."
      fields={
        <Field label="Text" error={fields.plaintext ?? null} help="8 KB at most.">
          <Textarea code rows={8} value={plaintext} onChange={(event) => setPlaintext(event.target.value)} />
        </Field>
      }
    >
      {({ attributes: { token } }) => (
        <>
          <p className="say try-say" role="status">
            Encrypted. <span>Only this key pair can read it.</span>
          </p>
          <CopyField value={token} label="Copy token" />
        </>
      )}
    </TrialPanes>
  );
}
