"use client";

import { useQueryClient } from "@tanstack/react-query";
import { ExternalLink, RefreshCw } from "lucide-react";
import Link from "next/link";
import { useEffect, useState } from "react";
import { useAction } from "@/components/accounts/use-action";
import { api } from "@/components/frame/api";
import { useMay } from "@/components/frame/use-may";
import { Button } from "@/components/ui/button";
import { CopyButton } from "@/components/ui/copy-button";
import { KeepEnd } from "@/components/ui/keep-end";
import { LifetimeBar } from "@/components/ui/lifetime-bar";
import { Note } from "@/components/ui/note";
import { useNow } from "@/components/ui/ticker";
import type { AuthSecret } from "@/lib/sdk/resources";
import { goAuthorize } from "./authorize";
import { CommonFacts } from "./common-facts";
import { asksByItself } from "./cure";
import { ForgetTokens } from "./forget-tokens";
import { Happened } from "./happened";
import type { ClientSummary } from "./included";
import { MustAct } from "./must-act";
import { patchSecret } from "./patch";
import { NeverShown } from "./reveal-policy";
import { ScopesCompared } from "./scopes-compared";
import { noRefreshReason, refreshWord } from "./secret-menu";
import { StoredValue } from "./stored-value";
import { TestSecret } from "./test-secret";
import { TokenSay } from "./token-say";
import { UseIt } from "./use-it";

/** An OAuth2 secret in its drawer: until when its token is good, what a person must do, and what it holds. */
export function TokensPanel({
  workspaceId,
  secret,
  client,
  onError,
}: {
  workspaceId: string;
  secret: AuthSecret;
  client: ClientSummary | null;
  onError: (error: string | null) => void;
}) {
  const queries = useQueryClient();
  const may = useMay(workspaceId);
  const now = useNow();
  const leave = useAction();
  const renewal = useAction();
  const [forgetting, setForgetting] = useState(false);
  const [trouble, setTrouble] = useState<string | null>(null);
  const it = secret.attributes;
  const mayEdit = may("workspaces.auth_secret.edit") !== false;
  const hidden =
    may("workspaces.auth_secret.get_credentials") === false ? "You may not read the values of secrets here." : null;
  const must =
    it.status === "unauthorized" || it.status === "reauthorization_needed" || (it.status === "paused" && it.problem);
  const expired = it.expires_at !== null && now > 0 && Date.parse(it.expires_at) <= now;
  const byItself = asksByItself(secret);
  const holdsAny = it.has_access_token || it.has_refresh_token;

  useEffect(() => onError(leave.error ?? renewal.error), [leave.error, renewal.error, onError]);

  const request = () => void leave.run(() => goAuthorize(workspaceId, secret.id));
  const refresh = () => {
    setTrouble(null);
    void renewal.run(async () => {
      const answer = await api.secrets.refresh(workspaceId, secret.id);
      patchSecret(queries, workspaceId, { ...answer, meta: {} });
      const said = answer.meta.refresh;
      if (said) setTrouble(said.detail ?? "The provider gave no new token yet. The stored one is still used.");
      await queries.invalidateQueries({ queryKey: ["secrets", workspaceId, "history", secret.id] });
    });
  };
  const refreshButton = (
    <Button
      busy={renewal.busy}
      disabledReason={
        may("workspaces.auth_secret.refresh") === false
          ? "You may not have tokens refreshed here."
          : noRefreshReason(secret)
      }
      onClick={refresh}
    >
      <RefreshCw className="i" aria-hidden />
      {refreshWord(secret)}
    </Button>
  );
  const forgetButton = (
    <Button
      variant="danger"
      className="last"
      disabledReason={!mayEdit ? "You may not edit secrets here." : holdsAny ? null : "There are no tokens to forget."}
      onClick={() => setForgetting(true)}
    >
      Forget tokens…
    </Button>
  );
  return (
    <div>
      {must ? (
        <MustAct
          workspaceId={workspaceId}
          secret={secret}
          client={client}
          busy={leave.busy}
          mayEdit={mayEdit}
          onRequest={request}
        />
      ) : (
        <TokenSay secret={secret} />
      )}
      <LifetimeBar
        issuedAt={it.issued_at}
        expiresAt={it.expires_at}
        renewsAt={must || !(it.has_refresh_token || byItself) ? null : it.refresh_due_at}
        renewing={it.status === "refreshing"}
      />
      <div className="acts">
        {byItself || (must && it.status !== "paused") ? null : (
          <Button
            className="btn-wide"
            busy={leave.busy}
            disabledReason={mayEdit ? null : "You may not authorize secrets here."}
            onClick={request}
          >
            Request access token
            <ExternalLink className="i" aria-hidden />
          </Button>
        )}
        {refreshButton}
        {forgetButton}
      </div>
      {trouble ? (
        <Note tone="warn" live>
          {trouble}
        </Note>
      ) : null}
      {!must && !byItself && it.has_access_token && !it.has_refresh_token && it.expires_at !== null ? (
        <Note tone="warn">
          No refresh token came.{" "}
          <Link className="link" href={`/workspaces/${workspaceId}/secrets/${secret.id}/edit?add=offline`}>
            Ask for one
          </Link>
          : usually the scope offline_access, or access_type=offline with prompt=consent; then request an access token.
        </Note>
      ) : null}

      <section className="sect">
        <h3>Tokens</h3>
        <NeverShown secret={secret} />
        <dl className="facts">
          <StoredValue
            workspaceId={workspaceId}
            secretId={secret.id}
            field="access_token"
            what="access token"
            label="Access token"
            fingerprint={it.has_access_token ? it.fingerprint : null}
            bad={it.has_access_token ? (expired ? "Expired" : null) : "Missing"}
            hidden={hidden}
            never={secret.attributes.reveal_effective === "never"}
          />
          {byItself ? null : (
            <StoredValue
              workspaceId={workspaceId}
              secretId={secret.id}
              field="refresh_token"
              what="refresh token"
              label="Refresh token"
              unneeded={it.has_access_token && !it.has_refresh_token && it.expires_at === null}
              fingerprint={it.has_refresh_token ? it.refresh_fingerprint : null}
              bad={
                it.has_refresh_token
                  ? it.status === "reauthorization_needed" && it.problem?.code === "grant_refused"
                    ? "Refused by the provider"
                    : null
                  : "Missing"
              }
              hidden={hidden}
              never={secret.attributes.reveal_effective === "never"}
            />
          )}
          {it.redirect_uri ? (
            <div className="fact">
              <dt>Redirect URI</dt>
              <dd className="val">
                <KeepEnd text={it.redirect_uri} />
              </dd>
              <dd className="fact-acts">
                <CopyButton variant="plain" size="sm" iconOnly label="Copy callback URL" text={it.redirect_uri} />
              </dd>
            </div>
          ) : null}
          {client ? (
            <div className="fact">
              <dt>Auth client</dt>
              <dd className="val">
                <Link className="link" href={`/workspaces/${workspaceId}/auth-clients/${client.id}`}>
                  {client.name}
                </Link>
                {client.host ? <span className="muted">{client.host}</span> : null}
              </dd>
              <dd className="fact-acts" />
            </div>
          ) : null}
          <CommonFacts secret={secret} />
        </dl>
      </section>

      <section className="sect">
        <h3>
          Scopes{" "}
          {it.scopes_granted.length > 0 ? (
            <span className="end">
              {it.scopes_requested.length} asked, {it.scopes_granted.length} granted
            </span>
          ) : null}
        </h3>
        <ScopesCompared
          asked={it.scopes_requested}
          granted={it.scopes_granted}
          authorized={it.has_access_token}
          asTyped={it.grant_type === "token_request"}
        />
      </section>

      {byItself ? <TestSecret workspaceId={workspaceId} secret={secret} /> : null}
      <UseIt workspaceId={workspaceId} secret={secret} />
      <Happened workspaceId={workspaceId} secretId={secret.id} />
      <ForgetTokens workspaceId={workspaceId} secret={secret} open={forgetting} onOpenChange={setForgetting} />
    </div>
  );
}
