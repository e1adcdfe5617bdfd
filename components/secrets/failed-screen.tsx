"use client";

import { useQuery } from "@tanstack/react-query";
import { ExternalLink, TriangleAlert } from "lucide-react";
import Link from "next/link";
import { useSearchParams } from "next/navigation";
import { useAction } from "@/components/accounts/use-action";
import { useMay } from "@/components/frame/use-may";
import { Button } from "@/components/ui/button";
import { CopyButton } from "@/components/ui/copy-button";
import { CopyField } from "@/components/ui/copy-field";
import { FieldError } from "@/components/ui/field-error";
import { Quote } from "@/components/ui/quote";
import { RelativeTime } from "@/components/ui/relative-time";
import { SkeletonRows } from "@/components/ui/skeleton-rows";
import { LatchkeyError } from "@/lib/sdk/errors";
import { goAuthorize } from "./authorize";
import { whoWords } from "./cure";
import { failureSteps } from "./failure-words";
import { failureQuery, secretQuery } from "./queries";
import { useClientOf } from "./use-client-of";

/** Where a failed sign-in at the provider ends: what happened, who must act, what to change, and the ways on. */
export function FailedScreen({ workspaceId, secretId }: { workspaceId: string; secretId: string }) {
  const secretAnswer = useQuery(secretQuery(workspaceId, secretId));
  const reason = useSearchParams().get("reason");
  const failureAnswer = useQuery(failureQuery(workspaceId, secretId, reason));
  const secret = secretAnswer.data?.data ?? null;
  const client = useClientOf(workspaceId, secret);
  const may = useMay(workspaceId);
  const { busy, error, run } = useAction();
  const list = `/workspaces/${workspaceId}/secrets`;

  if (secretAnswer.isPending || failureAnswer.isPending)
    return (
      <article className="verdict">
        <SkeletonRows rows={4} label="Looking up what happened" />
      </article>
    );

  const failure = failureAnswer.data ?? null;
  const missing = secretAnswer.error instanceof LatchkeyError && [403, 404].includes(secretAnswer.error.status);
  const noFailure = failureAnswer.error instanceof LatchkeyError && failureAnswer.error.status === 404;

  if (missing || failure?.code === "secret_gone")
    return (
      <Bare
        title={failure?.title ?? "This secret is not here"}
        text={
          failure?.detail ??
          "It was deleted while you were at the provider, or you have no access to it. No token was kept."
        }
        list={list}
      />
    );
  if (!secret || (!failure && !noFailure))
    return (
      <Bare
        title="What happened could not be looked up"
        text={(secretAnswer.error ?? failureAnswer.error)?.message ?? "The server gave no answer."}
        list={list}
        onRetry={() => {
          void secretAnswer.refetch();
          void failureAnswer.refetch();
        }}
      />
    );
  if (!failure)
    return (
      <Bare
        title="Nothing failed here lately"
        text={`There is no failed attempt to authorize “${secret.attributes.name}” on record any more.`}
        list={`${list}?manage=${secretId}`}
        back="Open the secret"
      />
    );

  const provider = client?.name ?? "the provider";
  const words = failureSteps(failure.code, provider);
  const uri = failure.redirect_uri ?? secret.attributes.redirect_uri;
  const showUri = words.uri && uri !== null;
  const { title } = failure;
  const retryButton = (primary: boolean) => (
    <Button
      variant={primary ? "primary" : "default"}
      busy={busy}
      disabledReason={
        may("workspaces.auth_secret.edit") === false ? "You may not authorize secrets in this workspace." : null
      }
      onClick={() => void run(() => goAuthorize(workspaceId, secretId))}
    >
      Try again
      <ExternalLink className="i" aria-hidden />
    </Button>
  );
  const elsewhere =
    words.next === "client" && client
      ? { href: `/workspaces/${workspaceId}/auth-clients/${client.id}`, label: "Open the auth client" }
      : words.next === "edit"
        ? { href: `${list}/${secretId}/edit`, label: "Edit the scopes" }
        : null;
  const instructions = () =>
    Promise.resolve(
      [
        `${title} – ${secret.attributes.name}`,
        failure.detail,
        ...(showUri ? [`Redirect URI, exactly: ${uri}`] : []),
        ...words.steps.map((step) => `${step.title}: ${step.text}`),
        ...(failure.cure ? [failure.cure] : []),
        `Then: ${window.location.origin}${list}?manage=${secretId}`,
      ].join("\n"),
    );
  return (
    <article className="verdict">
      <p className="kicker">
        <TriangleAlert className="i" aria-hidden />
        {secret.attributes.name} was not authorized
      </p>
      <h1>{title}</h1>
      <p className="lead">{failure.detail}</p>
      {failure.cure && words.steps.length === 0 ? <p className="lead verdict-cure">{failure.cure}</p> : null}
      <ol className="steps" hidden={!showUri && words.steps.length === 0}>
        {showUri ? (
          <li>
            <div>
              <h2>Copy the exact address</h2>
              <p>Every character counts, also a slash at the end.</p>
              <CopyField value={uri} label="Copy callback URL" />
            </div>
          </li>
        ) : null}
        {words.steps.map((step) => (
          <li key={step.title}>
            <div>
              <h2>{step.title}</h2>
              <p>{step.text}</p>
            </div>
          </li>
        ))}
      </ol>
      <p className="small muted verdict-who">
        <b>Who can do it:</b> {whoWords(failure.who, client?.name ?? null)}
      </p>
      <div className="acts">
        {elsewhere ? (
          <Button variant="primary" asChild>
            <Link href={elsewhere.href}>{elsewhere.label}</Link>
          </Button>
        ) : null}
        {words.next === "none" ? null : retryButton(!elsewhere)}
        <CopyButton text={instructions} label="Copy instructions for a colleague" />
        <Button variant="plain" asChild>
          <Link href={list}>Back to secrets</Link>
        </Button>
      </div>
      {error ? <FieldError>{error}</FieldError> : null}
      <div className="meta">
        {failure.provider_said ? <Quote summary="What the provider said">{failure.provider_said}</Quote> : null}
        <p className="small muted">
          <RelativeTime at={failure.at} /> · in{" "}
          <Link className="link" href={`/workspaces/${workspaceId}/activity?secret=${secretId}`}>
            Activity
          </Link>
        </p>
      </div>
    </article>
  );
}

function Bare({
  title,
  text,
  list,
  back = "Back to secrets",
  onRetry,
}: {
  title: string;
  text: string;
  list: string;
  back?: string;
  onRetry?: () => void;
}) {
  return (
    <article className="verdict">
      <h1>{title}</h1>
      <p className="lead">{text}</p>
      <div className="acts mt-6">
        {onRetry ? <Button onClick={onRetry}>Look again</Button> : null}
        <Button asChild>
          <Link href={list}>{back}</Link>
        </Button>
      </div>
    </article>
  );
}
