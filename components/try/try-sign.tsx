"use client";

import { useState } from "react";
import { api } from "@/components/frame/api";
import { CopyField } from "@/components/ui/copy-field";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { Select } from "@/components/ui/select";
import { sortErrors } from "@/components/ui/server-errors";
import { Textarea } from "@/components/ui/textarea";
import type { SignedJwt, SignedPayload } from "@/lib/sdk/resources";
import { DecodedToken } from "./decoded-token";
import { readObject } from "./read-json";
import { TrialPanes } from "./trial-panes";
import type { TryProps } from "./try-screen";
import { useTry } from "./use-try";

const POINTERS = { "/claims": "claims", "/lifetime": "lifetime", "/payload": "payload" } as const;

/** A token, or a text that is none, signed with the secret's key. */
export function TrySign({ workspaceId, secret, refused }: TryProps) {
  const [isText, setIsText] = useState(false);
  const [payload, setPayload] = useState("");
  const [claims, setClaims] = useState('{\n  "sub": "42"\n}');
  const [lifetime, setLifetime] = useState("");
  const [complaint, setComplaint] = useState<string | null>(null);
  const trial = useTry<SignedJwt | SignedPayload>();
  const { fields, rest } = sortErrors(trial.error, POINTERS);
  const send = () => {
    if (isText) {
      setComplaint(null);
      return void trial.run(async () => (await api.secrets.signPayload(workspaceId, secret.id, payload)).data);
    }
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
          <Field label="What to sign">
            <Select value={isText ? "text" : "claims"} onChange={(event) => setIsText(event.target.value === "text")}>
              <option value="claims">Claims, as a token</option>
              <option value="text">A text, as it is</option>
            </Select>
          </Field>
          {isText ? (
            <Field
              label="Text"
              error={fields.payload ?? null}
              help="8 KB at most. What reads as claims is refused: it would be a token without an end."
            >
              <Textarea code rows={8} value={payload} onChange={(event) => setPayload(event.target.value)} />
            </Field>
          ) : (
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
          )}
        </>
      }
    >
      {({ attributes: { alg, ...made } }) => (
        <>
          <p className="say try-say" role="status">
            Signed{" "}
            <span>
              with {alg}.{" "}
              {"expires_at" in made
                ? "Whoever has this token may use it until it expires."
                : "It is no token, and opens nothing."}
            </span>
          </p>
          <CopyField value={made.token} label={"expires_at" in made ? "Copy token" : "Copy signed text"} />
          {"expires_at" in made ? <DecodedToken token={made.token} /> : null}
        </>
      )}
    </TrialPanes>
  );
}
