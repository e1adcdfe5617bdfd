"use client";

import { useState } from "react";
import { api } from "@/components/frame/api";
import { CopyField } from "@/components/ui/copy-field";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { sortErrors } from "@/components/ui/server-errors";
import { Textarea } from "@/components/ui/textarea";
import type { SignedJwt } from "@/lib/sdk/resources";
import { DecodedToken } from "./decoded-token";
import { readObject } from "./read-json";
import { TrialPanes } from "./trial-panes";
import type { TryProps } from "./try-screen";
import { useTry } from "./use-try";

const POINTERS = { "/claims": "claims", "/lifetime": "lifetime" } as const;

/** A token signed with the secret's key. */
export function TrySign({ workspaceId, secret, refused }: TryProps) {
  const [claims, setClaims] = useState('{\n  "sub": "42"\n}');
  const [lifetime, setLifetime] = useState("");
  const [complaint, setComplaint] = useState<string | null>(null);
  const trial = useTry<SignedJwt>();
  const { fields, rest } = sortErrors(trial.error, POINTERS);
  const send = () => {
    const read = readObject(claims);
    setComplaint("complaint" in read ? read.complaint : null);
    if ("complaint" in read) return;
    const order = { claims: read.value, ...(lifetime === "" ? {} : { lifetime: Number(lifetime) }) };
    void trial.run(async () => (await api.secrets.signJwt(workspaceId, secret.id, order)).data);
  };
  return (
    <TrialPanes
      label="Sign a token"
      send="Sign"
      trial={trial}
      refused={refused}
      onSend={send}
      failure={rest}
      empty="Nothing was signed yet. The token stands here."
      fields={
        <>
          <Field
            label="Claims"
            error={complaint ?? fields.claims ?? null}
            help="An object in JSON. Issuer, audience and subject come from the secret unless they stand here; iat and exp are set."
          >
            <Textarea
              code
              rows={8}
              value={claims}
              onChange={(event) => {
                setClaims(event.target.value);
                setComplaint(null);
              }}
            />
          </Field>
          <Field
            label="Lifetime"
            hint="optional"
            error={fields.lifetime ?? null}
            help="Seconds. Left empty, the secret's own, else 300."
          >
            <Input inputMode="numeric" value={lifetime} onChange={(event) => setLifetime(event.target.value)} />
          </Field>
        </>
      }
    >
      {({ attributes: { token, alg } }) => (
        <>
          <p className="say try-say" role="status">
            Signed <span>with {alg}. Whoever has this token may use it until it expires.</span>
          </p>
          <CopyField value={token} label="Copy token" />
          <DecodedToken token={token} />
        </>
      )}
    </TrialPanes>
  );
}
