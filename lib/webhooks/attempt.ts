import { randomUUID } from "node:crypto";
import { recordNow } from "@/lib/audit/record";
import { systemClock } from "@/lib/clock";
import { settings } from "@/lib/config";
import { EgressError } from "@/lib/egress/egress-error";
import { Egress, safeFetch } from "@/lib/egress/safe-fetch";
import { AppError } from "@/lib/errors";
import { newRequestId } from "@/lib/ids";
import { errorFields, log } from "@/lib/observability/log";
import { metrics } from "@/lib/observability/metrics";
import { once } from "@/lib/process";
import { Injection } from "@/lib/secret-use/http-injection";
import type { Reader } from "@/lib/secrets/audited-read-store";
import { type Release, releaseAnew, releaseTo } from "@/lib/secrets/requests";
import * as rows from "./delivery-store";
import { TEST_EVENT } from "./events";
import type { FailureWord } from "./failure";
import { ATTEMPT_MS, GIVE_UP_MS, isOver, LEASE_MS, readRetryAfter, retryAfter } from "./policy";
import { signedHeaders } from "./signing";

/**
 * One attempt to deliver one message: opened, authenticated, asked once more whether it is ours, sent, and written down. A 401 to an oauth2
 * secret has its token renewed once, and the message sent once more. What a receiver answers is never read beyond its status and headers, so
 * nothing of it can be kept or cost memory.
 */

/** This process, as leases name it. */
export function holder(): string {
  return once("webhook-holder", () => randomUUID());
}

/** Connections of their own: slow receivers take none from token endpoints or from callers. */
function webhookEgress(): Egress {
  return once("webhook-egress", () => new Egress({ allow: settings().egressAllow }));
}

type Answered = { status: number; retryAfterMs: number | null } | { error: FailureWord; status?: number };

/**
 * Never rejects for what a receiver or a secret does; rejects when the database is away, and then the lease lapses and somebody
 * makes the next attempt.
 */
export async function attempt(lease: rows.Lease): Promise<void> {
  const began = performance.now();
  const answered: Answered | "lost" = isOver(lease.attempts, lease.ageMs) ? { error: "no_answer" } : await send(lease);
  if (answered === "lost") return;
  const outcome = outcomeOf(lease, answered, Math.round(performance.now() - began));
  const { mine, off } = await rows.finish(lease, holder(), outcome, GIVE_UP_MS);
  if (!mine) return;
  metrics().webhookDeliveries.inc({
    outcome: outcome.delivered ? "delivered" : outcome.retryMs === null ? "failed" : "retrying",
  });
  if (!off) return;
  metrics().webhooksSwitchedOff.inc({ reason: off });
  await recordOff(lease, off);
}

function outcomeOf(lease: rows.Lease, answered: Answered, durationMs: number): rows.Outcome {
  const status = answered.status ?? null;
  if (!("error" in answered) && answered.status >= 200 && answered.status < 300)
    return { delivered: true, status, durationMs, error: null, retryMs: null, off: null };
  const word = "error" in answered ? answered.error : wordOf(answered.status);
  const wanted = "error" in answered ? null : answered.retryAfterMs;
  const last = lease.event === TEST_EVENT || word === "gone";
  return {
    delivered: false,
    status,
    durationMs,
    error: word,
    retryMs: last ? null : retryAfter(lease.attempts, lease.ageMs, wanted, Math.random()),
    off: word === "gone" ? "gone" : null,
  };
}

function wordOf(status: number): FailureWord {
  if (status === 410) return "gone";
  return status >= 300 && status < 400 ? "redirected" : "refused";
}

/** @returns "lost" when the lease has passed to somebody else: nothing was sent */
async function send(lease: rows.Lease): Promise<Answered | "lost"> {
  const url = new URL(lease.url);
  const late = AbortSignal.timeout(ATTEMPT_MS);
  try {
    const release = await authentication(lease, url);
    const answered = await post(lease, url, release, late);
    if (answered === "lost" || answered.status !== 401 || release === null) return answered;
    const renewed = await releaseAnew(readerOf(lease), release, { method: "POST", url });
    return renewed ? await post(lease, url, renewed, late) : answered;
  } catch (error) {
    return { error: failureOf(error, lease, late.aborted) };
  }
}

async function post(
  lease: rows.Lease,
  url: URL,
  release: Release | null,
  signal: AbortSignal,
): Promise<{ status: number; retryAfterMs: number | null } | "lost"> {
  const secret = release && (await Injection.of(release));
  if (!(await rows.guard(lease, holder(), LEASE_MS))) return "lost";
  const nowMs = systemClock.now();
  const signed = await signedHeaders(lease, `msg_${lease.id}`, Math.floor(nowMs / 1000), lease.body);
  const headers = { "content-type": "application/json", ...signed };
  const answer = await safeFetch(
    url,
    { method: "POST", headers: secret ? secret.into(headers) : headers, body: lease.body, signal },
    { egress: webhookEgress(), headersTimeoutMs: ATTEMPT_MS },
  );
  // Left unread: the status is all there is to know.
  await answer.body?.return();
  return { status: answer.status, retryAfterMs: readRetryAfter(answer.headers["retry-after"] ?? null, nowMs) };
}

/** The secret that authenticates; its use is on record before this resolves. */
async function authentication(lease: rows.Lease, url: URL): Promise<Release | null> {
  if (lease.authSecretId === null) return null;
  const { tenantId, contractId, workspaceId } = lease;
  const scope = { kind: "workspace", tenantId, contractId, workspaceId } as const;
  return releaseTo(readerOf(lease), scope, lease.authSecretId, { method: "POST", url });
}

function readerOf(lease: rows.Lease): Reader {
  return {
    kind: "system",
    id: lease.webhookId,
    name: lease.name,
    via: "webhook",
    credentialId: null,
    request: { requestId: newRequestId(), ip: null, userAgent: null, purpose: `msg_${lease.id}` },
  };
}

/** @throws what is no failure of receiver or secret */
function failureOf(error: unknown, lease: rows.Lease, tookTooLong: boolean): FailureWord {
  if (error instanceof EgressError) {
    if (tookTooLong) return "too_slow";
    log.info("webhook receiver not reached", {
      tenantId: lease.tenantId,
      workspaceId: lease.workspaceId,
      ...errorFields(error),
    });
    return error.mayHaveArrived ? "no_answer" : "unreachable";
  }
  if (!(error instanceof AppError)) throw error;
  switch (error.code) {
    case "integrity_failure":
      return "damaged";
    case "not_found":
      return "secret_gone";
    case "needs_person":
    case "provider_fault":
      return "secret_without_token";
    case "bad_request":
    case "destination_not_allowed":
      return "secret_unfit";
    default:
      throw error;
  }
}

async function recordOff(lease: rows.Lease, reason: string): Promise<void> {
  await recordNow(
    { kind: "system", name: "webhooks", via: "webhook" },
    {
      tenantId: lease.tenantId,
      workspaceId: lease.workspaceId,
      action: "webhook.switched_off",
      target: { type: "webhook", id: lease.webhookId, name: lease.name },
      detail: { reason },
    },
  );
}
