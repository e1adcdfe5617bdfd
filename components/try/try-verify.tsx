"use client";

import { useState } from "react";
import { api } from "@/components/frame/api";
import { Message } from "@/components/secrets/traffic";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { Note } from "@/components/ui/note";
import { Select } from "@/components/ui/select";
import { sortErrors } from "@/components/ui/server-errors";
import { Textarea } from "@/components/ui/textarea";
import { LatchkeyError } from "@/lib/sdk/errors";
import type { JwtClaims, VerifiedPayload } from "@/lib/sdk/resources";
import { DecodedToken, isReadable } from "./decoded-token";
import { TrialPanes } from "./trial-panes";
import type { TryProps } from "./try-screen";
import { useTry } from "./use-try";

const POINTERS = {
  "/token": "token",
  "/issuer": "issuer",
  "/audience": "audience",
  "/subject": "subject",
  "/scope": "scope",
} as const;
const WANTED = [
  { name: "issuer", label: "Issuer" },
  { name: "audience", label: "Audience" },
  { name: "subject", label: "Subject" },
  { name: "scope", label: "Scope", help: "With spaces between; all of them must be there." },
] as const;
type Wanted = (typeof WANTED)[number]["name"];

/** A token judged with the secret's key: good, or why not. A refusal is an answer here, with what the token says beside it. */
export function TryVerify({ workspaceId, secret, refused }: TryProps) {
  const [isText, setIsText] = useState(false);
  const [token, setToken] = useState("");
  const [wanted, setWanted] = useState<Partial<Record<Wanted, string>>>({});
  const trial = useTry<{ token: string; verified: JwtClaims | VerifiedPayload | null; why: string }>();
  const { fields, rest } = sortErrors(trial.error, POINTERS);
  const send = () => {
    const bare = token.trim();
    const asked = Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== ""));
    void trial.run(async () => {
      try {
        const { data } = isText
          ? await api.secrets.verifyPayload(workspaceId, secret.id, bare)
          : await api.secrets.verifyJwt(workspaceId, secret.id, bare, asked);
        return { token: bare, verified: data, why: "" };
      } catch (error) {
        if (!(error instanceof LatchkeyError) || error.code !== "token_refused") throw error;
        return { token: bare, verified: null, why: error.message };
      }
    });
  };
  return (
    <TrialPanes
      label="Verify a token"
      send="Verify"
      trial={trial}
      refused={refused}
      onSend={send}
      failure={rest}
      empty="Nothing was verified yet. The verdict stands here."
      fields={
        <>
          <Field label="What to verify">
            <Select value={isText ? "text" : "token"} onChange={(event) => setIsText(event.target.value === "text")}>
              <option value="token">A token with claims</option>
              <option value="text">A signed text</option>
            </Select>
          </Field>
          <Field label={isText ? "Signed text" : "Token"} error={fields.token ?? null}>
            <Textarea code rows={6} value={token} onChange={(event) => setToken(event.target.value)} />
          </Field>
          {(isText ? [] : WANTED).map(({ name, label, ...more }) => (
            <Field key={name} label={label} hint="optional" error={fields[name] ?? null} {...more}>
              <Input
                code
                value={wanted[name] ?? ""}
                placeholder={placeholderOf(secret.attributes.visible?.[name])}
                onChange={(event) => setWanted({ ...wanted, [name]: event.target.value })}
              />
            </Field>
          ))}
        </>
      }
    >
      {({ token: judged, verified, why }) => (
        <>
          {verified ? (
            <Note tone="ok" live>
              {"claims" in verified.attributes
                ? `The token is good: signed with this key (${verified.attributes.alg}), not expired, and it says what is wanted.`
                : `The text was signed with this key (${verified.attributes.alg}).`}
            </Note>
          ) : (
            <Note tone="warn" live>
              {why}
              {isReadable(judged) ? " What it says stands below, and nothing of it can be believed." : null}
            </Note>
          )}
          {verified && "payload" in verified.attributes ? (
            <Message title="Text" body={verified.attributes.payload} />
          ) : (
            <DecodedToken token={judged} />
          )}
        </>
      )}
    </TrialPanes>
  );
}

/** The secret's own demand, which counts where nothing is typed. */
const placeholderOf = (own: unknown) => (typeof own === "string" ? own : undefined);
