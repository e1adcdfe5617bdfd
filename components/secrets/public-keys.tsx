"use client";

import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useAction } from "@/components/accounts/use-action";
import { api } from "@/components/frame/api";
import { useMay } from "@/components/frame/use-may";
import { Button } from "@/components/ui/button";
import { ConfirmDialog } from "@/components/ui/confirm-dialog";
import { CopyField } from "@/components/ui/copy-field";
import { RelativeTime } from "@/components/ui/relative-time";
import { SaveButton } from "@/components/ui/save-button";
import { useToast } from "@/components/ui/toast";
import type { AuthSecret, PublicKey } from "@/lib/sdk/resources";

type Question = { kind: "rotate" } | { kind: "retire"; key: PublicKey };

/** The public half of a key pair: what to hand to the other side, where it is published, and how one key follows another. */
export function PublicKeys({ workspaceId, secret }: { workspaceId: string; secret: AuthSecret }) {
  const queries = useQueryClient();
  const toast = useToast();
  const may = useMay(workspaceId);
  const { busy, error, run, clear } = useAction();
  const [question, setQuestion] = useState<Question | null>(null);
  const { public_keys: keys = [], jwks_uri, name } = secret.attributes;
  const encrypts = keys[0]?.jwk.use === "enc";
  const refused =
    may("workspaces.auth_secret.edit") === false ? "It needs the permission workspaces.auth_secret.edit." : null;
  const act = async () => {
    if (question === null) return;
    const done = await run(() =>
      question.kind === "rotate"
        ? api.secrets.rotateKey(workspaceId, secret.id)
        : api.secrets.retireKey(workspaceId, secret.id, question.key.kid),
    );
    if (!done) return;
    setQuestion(null);
    toast({ title: question.kind === "rotate" ? `“${name}” has a new key.` : "The key is retired." });
    await queries.invalidateQueries({ queryKey: ["secrets", workspaceId] });
  };
  return (
    <section className="sect" aria-label="Public keys">
      <h3>
        Public keys
        <span className="end">
          <Button
            variant="plain"
            size="sm"
            disabledReason={refused}
            onClick={() => {
              clear();
              setQuestion({ kind: "rotate" });
            }}
          >
            Rotate…
          </Button>
        </span>
      </h3>
      <dl className="facts">
        {keys.map((key) => (
          <div className="fact public-key" key={key.kid}>
            <dt>{key.current ? "Current" : "Earlier"}</dt>
            <dd className="val">
              <span className="code">{key.kid}</span>
              <span className="muted">
                {key.bits} bits, <RelativeTime at={key.created_at} />
              </span>
            </dd>
            <dd className="fact-acts">
              <SaveButton
                file={`${key.kid}.pem`}
                type="application/x-pem-file"
                content={key.pem}
                aria-label={`Download PEM of ${key.kid}`}
              >
                PEM
              </SaveButton>
              <SaveButton
                file={`${key.kid}.jwk.json`}
                type="application/json"
                content={`${JSON.stringify(key.jwk, null, 2)}\n`}
                aria-label={`Download JWK of ${key.kid}`}
              >
                JWK
              </SaveButton>
              {key.current ? null : (
                <Button
                  variant="plain"
                  size="sm"
                  aria-label={`Retire ${key.kid}`}
                  disabledReason={refused}
                  onClick={() => {
                    clear();
                    setQuestion({ kind: "retire", key });
                  }}
                >
                  Retire…
                </Button>
              )}
            </dd>
          </div>
        ))}
      </dl>
      {jwks_uri ? (
        <>
          <p className="help">Published for everybody, with the workspace’s other public keys, at</p>
          <CopyField value={jwks_uri} label="Copy JWKS URL" />
        </>
      ) : null}
      <ConfirmDialog
        open={question !== null}
        onOpenChange={(open) => {
          if (!open) setQuestion(null);
        }}
        title={question?.kind === "retire" ? "Retire this key?" : `Rotate the key of “${name}”?`}
        confirm={question?.kind === "retire" ? "Retire key" : "Rotate key"}
        busy={busy}
        error={error}
        onConfirm={() => void act()}
      >
        {question?.kind === "retire" ? (
          <p>
            It is no longer published, and{" "}
            {encrypts
              ? "nothing encrypted with it can be read any more"
              : "tokens signed with it are no longer accepted"}
            . This cannot be undone.
          </p>
        ) : (
          <p>
            A new pair of 3072 bits is generated and{" "}
            {encrypts
              ? "is the one to encrypt with. What was encrypted with the earlier one can be read"
              : "signs from now on. The earlier public key stays published"}{" "}
            until you retire it.
          </p>
        )}
      </ConfirmDialog>
    </section>
  );
}
