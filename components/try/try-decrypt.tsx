"use client";

import { useState } from "react";
import { api } from "@/components/frame/api";
import { Message } from "@/components/secrets/traffic";
import { Field } from "@/components/ui/field";
import { sortErrors } from "@/components/ui/server-errors";
import { Textarea } from "@/components/ui/textarea";
import type { Plaintext } from "@/lib/sdk/resources";
import { TrialPanes } from "./trial-panes";
import type { TryProps } from "./try-screen";
import { useTry } from "./use-try";

/** What was encrypted for the key pair, read. */
export function TryDecrypt({ workspaceId, secret, refused }: TryProps) {
  const [token, setToken] = useState("");
  const trial = useTry<Plaintext>();
  const { rest } = sortErrors(trial.error, {});
  return (
    <TrialPanes
      label="Decrypt a token"
      send="Decrypt"
      trial={trial}
      refused={refused}
      onSend={() =>
        void trial.run(async () => (await api.secrets.decryptJwe(workspaceId, secret.id, token.trim())).data)
      }
      failure={rest}
      empty="Nothing was decrypted yet. The text stands here."
      fields={
        <Field label="Token" help="In compact form: five parts with dots between them.">
          <Textarea code rows={8} value={token} onChange={(event) => setToken(event.target.value)} />
        </Field>
      }
    >
      {({ attributes: { plaintext } }) => <Message title="Text" body={plaintext} />}
    </TrialPanes>
  );
}
