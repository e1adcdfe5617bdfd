"use client";

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Ellipsis, ExternalLink, RefreshCw } from "lucide-react";
import Link from "next/link";
import { useEffect, useState } from "react";
import { useAction } from "@/components/accounts/use-action";
import { api } from "@/components/frame/api";
import { useMay } from "@/components/frame/use-may";
import { Button } from "@/components/ui/button";
import { CopyButton } from "@/components/ui/copy-button";
import { Drawer } from "@/components/ui/drawer";
import { EmptyState } from "@/components/ui/empty-state";
import { KeepEnd } from "@/components/ui/keep-end";
import { LifetimeBar } from "@/components/ui/lifetime-bar";
import { LoadError } from "@/components/ui/load-error";
import { Note } from "@/components/ui/note";
import { RelativeTime } from "@/components/ui/relative-time";
import { SkeletonRows } from "@/components/ui/skeleton-rows";
import { useNow } from "@/components/ui/ticker";
import { Tile } from "@/components/ui/tile";
import { LatchkeyError } from "@/lib/sdk/errors";
import type { AuthSecret } from "@/lib/sdk/resources";
import { SECRET_TYPES } from "@/lib/secret-types";
import type { SecretType } from "@/lib/secret-types/secret-type";
import { AllowedHostsFact } from "./allowed-hosts";
import { goAuthorize } from "./authorize";
import { asksByItself } from "./cure";
import { ForgetTokens } from "./forget-tokens";
import type { ClientSummary } from "./included";
import { MustAct } from "./must-act";
import { patchSecret } from "./patch";
import { PublicKeys } from "./public-keys";
import { secretQuery } from "./queries";
import { NeverShown } from "./reveal-policy";
import { ScopesCompared } from "./scopes-compared";
import { noRefreshReason, refreshWord, type SecretAct, SecretMenu } from "./secret-menu";
import { SecretTimeline } from "./secret-timeline";
import { StoredField } from "./stored-field";
import { StoredValue } from "./stored-value";
import { TokenSay } from "./token-say";
import { useClientOf } from "./use-client-of";
import { UseIt } from "./use-it";

/** Manage tokens: what a secret holds, until when, what happened, and everything one can do about it. */
export function ManageDrawer({
  workspaceId,
  secretId,
  onClose,
  onAct,
}: {
  workspaceId: string;
  /** Null: closed. */
  secretId: string | null;
  onClose: () => void;
  onAct: (act: SecretAct, secret: AuthSecret) => void;
}) {
  const query = useQuery({ ...secretQuery(workspaceId, secretId ?? ""), enabled: secretId !== null });
  const secret = secretId && query.data?.data.id === secretId ? query.data.data : null;
  const client = useClientOf(workspaceId, secret);
  const oauth = secret?.attributes.type === "oauth2";
  const [error, setError] = useState<string | null>(null);
  useEffect(() => {
    if (secretId !== null) setError(null);
  }, [secretId]);
  const label = secret ? (SECRET_TYPES[secret.attributes.type]?.label ?? secret.attributes.type) : "";
  const gone = query.error instanceof LatchkeyError && query.error.status === 404;
  return (
    <Drawer
      open={secretId !== null}
      onOpenChange={(open) => {
        if (!open) onClose();
      }}
      title={secret?.attributes.name ?? "Manage tokens"}
      sub={secret ? `${oauth ? "Manage tokens" : "Manage values"} · ${client?.name ?? label}` : null}
      before={
        secret ? (
          <Tile name={client?.name ?? secret.attributes.name} seed={client?.host ?? secret.attributes.name} size="lg" />
        ) : null
      }
      headActions={
        secret ? (
          <SecretMenu
            workspaceId={workspaceId}
            secret={secret}
            onAct={onAct}
            without={["manage", "authorize", "refresh"]}
            trigger={
              <Button variant="plain" icon aria-label="More: edit, rename, delete">
                <Ellipsis className="i" aria-hidden />
              </Button>
            }
          />
        ) : null
      }
      error={error}
    >
      {secret ? (
        oauth ? (
          <Tokens key={secret.id} workspaceId={workspaceId} secret={secret} client={client} onError={setError} />
        ) : (
          <Values key={secret.id} workspaceId={workspaceId} secret={secret} />
        )
      ) : query.error ? (
        gone ? (
          <EmptyState
            small
            title="This secret is not here"
            actions={<Button onClick={onClose}>Back to secrets</Button>}
          >
            It was deleted, or you have no access to it.
          </EmptyState>
        ) : (
          <LoadError
            title="The secret could not be loaded."
            error={query.error}
            busy={query.isFetching}
            onRetry={() => void query.refetch()}
          />
        )
      ) : (
        <SkeletonRows rows={6} label="Loading the secret" />
      )}
    </Drawer>
  );
}

function Tokens({
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
          <Common secret={secret} />
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
        <ScopesCompared asked={it.scopes_requested} granted={it.scopes_granted} authorized={it.has_access_token} />
      </section>

      <UseIt workspaceId={workspaceId} secret={secret} />

      <section className="sect">
        <h3>
          What happened <WhoUsed workspaceId={workspaceId} secretId={secret.id} />
        </h3>
        <SecretTimeline workspaceId={workspaceId} secretId={secret.id} />
      </section>
      <ForgetTokens workspaceId={workspaceId} secret={secret} open={forgetting} onOpenChange={setForgetting} />
    </div>
  );
}

/** The trail of this secret alone: who read it, when, and where its requests went (AU-6). Only for who may see it. */
function WhoUsed({ workspaceId, secretId }: { workspaceId: string; secretId: string }) {
  const may = useMay(workspaceId);
  if (may("workspaces.audit.get") === false) return null;
  return (
    <Link className="link end" href={`/workspaces/${workspaceId}/activity?secret=${secretId}`}>
      Who used this
    </Link>
  );
}

/** What every type has: when it was used last, and the id a step needs. */
function Common({ secret }: { secret: AuthSecret }) {
  return (
    <>
      {/* Not told everywhere: then nothing is said rather than "never". */}
      {secret.attributes.last_used_at === undefined ? null : (
        <div className="fact">
          <dt>Last used</dt>
          <dd className="val">
            <RelativeTime at={secret.attributes.last_used_at} />
          </dd>
          <dd className="fact-acts" />
        </div>
      )}
      <AllowedHostsFact secret={secret} />
      <div className="fact">
        <dt>Secret ID</dt>
        <dd className="val">
          <span className="code">{secret.id}</span>
        </dd>
        <dd className="fact-acts">
          <CopyButton variant="plain" size="sm" iconOnly label="Copy secret ID" text={secret.id} />
        </dd>
      </div>
    </>
  );
}

function Values({ workspaceId, secret }: { workspaceId: string; secret: AuthSecret }) {
  const may = useMay(workspaceId);
  const type: SecretType = SECRET_TYPES[secret.attributes.type];
  const hidden =
    may("workspaces.auth_secret.get_credentials") === false ? "You may not read the values of secrets here." : null;
  return (
    <div>
      <p className="say">
        {type.fields.length > 0 ? "Stored, and handed out as it is." : "Nothing to keep."}{" "}
        <span>
          {type.fields.length > 0 ? (
            <>
              Changed <RelativeTime at={secret.attributes.updated_at} />. It does not expire here.
            </>
          ) : (
            "The service asks for nothing."
          )}
        </span>
      </p>
      <section className="sect">
        <h3>{type.label}</h3>
        {type.fields.length > 0 ? <NeverShown secret={secret} /> : null}
        <dl className="facts">
          {type.fields.map((field) => (
            <StoredField key={field.name} workspaceId={workspaceId} secret={secret} field={field} hidden={hidden} />
          ))}
          <Common secret={secret} />
        </dl>
      </section>
      {secret.attributes.public_keys ? <PublicKeys workspaceId={workspaceId} secret={secret} /> : null}
      <div className="acts">
        <Button asChild>
          <Link href={`/workspaces/${workspaceId}/secrets/${secret.id}/edit`}>Edit</Link>
        </Button>
      </div>
      <UseIt workspaceId={workspaceId} secret={secret} />

      <section className="sect">
        <h3>
          What happened <WhoUsed workspaceId={workspaceId} secretId={secret.id} />
        </h3>
        <SecretTimeline workspaceId={workspaceId} secretId={secret.id} />
      </section>
    </div>
  );
}
