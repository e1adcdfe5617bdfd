import type { RequestFacts } from "@/lib/access/caller";
import { systemClock } from "@/lib/clock";
import { type Check, noteCheck } from "@/lib/endpoints/checks";
import { type Guarded, guardedEndpoint, type Lock, lockHash, opens } from "@/lib/endpoints/locks";
import { AppError, notFound } from "@/lib/errors";
import { readBasic } from "@/lib/http/authenticate";
import { openStatic } from "@/lib/secrets/opened";
import { goodScopes, identityHeaders, NOBODY_TOLD, type Refusal, refusal, type Scheme } from "./inbound-answer";
import { countGuess, mayGuess, maySendForged } from "./inbound-throttle";
import { isAnothers, isSigned, verifyJwt } from "./jwt";
import { keysOf } from "./jwt-keys";

/**
 * Whether a request may pass a proxy that asks (SECURITY JW-6, JW-7): nginx auth_request, Traefik ForwardAuth, Caddy forward_auth. It fails
 * closed: whatever cannot be judged is no 2xx.
 */

type Judged =
  | { way: "opened"; lock: Lock; headers: Record<string, string> }
  /** `forged`: a token that no key of the endpoint signed. */
  | { way: "refused"; refusal: Refusal; forged?: boolean }
  | { way: "failed"; why: string };

const TOO_MANY = "Too many wrong passwords, keys or tokens from this address.";
const OPEN_ACCESS = "Open access: everybody passes.";

/**
 * @returns the headers of the 204: who it is
 * @throws AppError unauthenticated or forbidden with `WWW-Authenticate`, throttled, not_found for an unknown endpoint, unavailable where the
 * guard cannot judge, audit_unavailable
 */
export async function checkInbound(id: string, headers: Headers, facts: RequestFacts): Promise<Record<string, string>> {
  const endpoint = await known(id);
  if (!endpoint) throw notFound("endpoint");
  if (endpoint.openAccess) {
    await note(endpoint, { outcome: "opened", reason: OPEN_ACCESS, secret: null }, facts);
    return NOBODY_TOLD;
  }
  const judged = await judge(endpoint, headers, facts).catch(async (error: unknown) => {
    if (error instanceof AppError && error.code === "throttled")
      await note(endpoint, { outcome: "refused", reason: TOO_MANY, secret: null }, facts);
    throw error;
  });
  if (judged.way === "opened") {
    await note(endpoint, { outcome: "opened", reason: null, secret: judged.lock.secret }, facts);
    return judged.headers;
  }
  if (judged.way === "failed") {
    await note(endpoint, { outcome: "failed", reason: judged.why, secret: null }, facts);
    throw new AppError("unavailable", judged.why, { retryAfterS: 5 });
  }
  await note(endpoint, { outcome: "refused", reason: judged.refusal.detail, secret: null }, facts);
  throw refusal(endpoint.id, schemesOf(endpoint), judged.refusal);
}

async function known(id: string): Promise<Guarded | null> {
  try {
    return await guardedEndpoint(id);
  } catch (cause) {
    throw unjudged(cause);
  }
}

const unjudged = (cause: unknown) =>
  new AppError("unavailable", "The guard cannot judge now, so nobody passes.", { cause, retryAfterS: 1 });

/** Most checks are like one before, and wait for nothing. */
async function note(endpoint: Guarded, what: Omit<Check, "endpoint">, facts: RequestFacts): Promise<void> {
  const { outcome, reason, secret } = what;
  await noteCheck({ endpoint, outcome, reason, secret: secret && { id: secret.id, name: secret.name } }, facts);
}

async function judge(endpoint: Guarded, headers: Headers, facts: RequestFacts): Promise<Judged> {
  const { locks } = endpoint;
  if (locks.length === 0)
    return { way: "refused", refusal: { error: "nobody", detail: "No secret opens this endpoint." } };
  if (locks.every((lock) => lock.kind === "broken"))
    return { way: "failed", why: "None of this endpoint's secrets can be read." };
  const authorization = headers.get("authorization");
  const token = authorization === null ? null : (/^Bearer +(\S+) *$/i.exec(authorization)?.[1] ?? null);
  const judged =
    token !== null && locks.some((lock) => lock.kind === "token") ? await judgeToken(endpoint, token) : null;
  if (judged && judged.way !== "refused") return judged;
  const guess = guessIn(endpoint, headers, authorization);
  if (guess) {
    // From here to the count nothing is waited for, so that no other guess comes in between.
    const guesser = mayGuess(endpoint.id, facts.ip);
    const opened = openedBy(locks, guess);
    if (opened) return passed(opened.lock, opened.subject, []);
    await count(guesser);
  } else if (judged?.forged) await count(maySendForged(endpoint.id, facts.ip));
  if (judged) return judged;
  if (guess) return unlessBroken(endpoint, { detail: guess.pair ? "Wrong user name or password." : "Wrong key." });
  if (authorization === null) return { way: "refused", refusal: { detail: "No credentials were sent." } };
  return unlessBroken(endpoint, {
    error: "invalid_request",
    detail: "These credentials are of no kind that opens this endpoint.",
  });
}

type HeaderLock = Lock & { kind: "header" };

/** What was sent that could be guessed. */
interface Guess {
  pair: { user: string; key: string } | null;
  keys: { lock: HeaderLock; value: string }[];
}

function guessIn({ locks }: Guarded, headers: Headers, authorization: string | null): Guess | null {
  const pair = authorization !== null && locks.some((lock) => lock.kind === "basic") ? readBasic(authorization) : null;
  const keys = locks.flatMap((lock) => {
    const value = lock.kind === "header" ? headers.get(lock.header) : null;
    return lock.kind === "header" && value !== null ? [{ lock, value }] : [];
  });
  return pair || keys.length > 0 ? { pair, keys } : null;
}

/** All are compared, whichever opens. */
function openedBy(locks: readonly Lock[], { pair, keys }: Guess): { lock: Lock; subject: string } | null {
  let opened: { lock: Lock; subject: string } | null = null;
  for (const { lock, value } of keys)
    if (opens.header(lock, lockHash(value))) opened ??= { lock, subject: lock.secret.name };
  if (!pair) return opened;
  const given = { user: lockHash(pair.user), password: lockHash(pair.key) };
  for (const lock of locks)
    if (lock.kind === "basic" && opens.basic(lock, given)) opened ??= { lock, subject: pair.user };
  return opened;
}

async function count(guesser: string): Promise<void> {
  try {
    await countGuess(guesser);
  } catch (error) {
    throw error instanceof AppError ? error : unjudged(error);
  }
}

function passed(lock: Lock, subject: string | null, scopes: readonly string[]): Judged {
  const headers = identityHeaders({ secretId: lock.secret.id, subject, scopes });
  if (headers) return { way: "opened", lock, headers };
  return { way: "refused", refusal: { error: "invalid_token", detail: "The subject is too long for a header." } };
}

async function judgeToken(endpoint: Guarded, token: string): Promise<Judged> {
  const wanted = { issuer: endpoint.issuer ?? undefined, audience: endpoint.audience ?? undefined };
  const now = systemClock.now();
  let why: AppError | null = null;
  for (const lock of endpoint.locks) {
    if (lock.kind !== "token") continue;
    try {
      const keys = await keysOf(lock.secret, () => openStatic(lock.secret));
      const { claims } = await verifyJwt(keys, token, wanted, now);
      const scopes = goodScopes(claims);
      const missing = endpoint.scopes.filter((word) => !scopes.includes(word));
      if (missing.length === 0) return passed(lock, typeof claims.sub === "string" ? claims.sub : null, scopes);
      const detail = `The token does not have the scope ${missing.join(" ")}.`;
      return { way: "refused", refusal: { error: "insufficient_scope", detail, scope: endpoint.scopes } };
    } catch (error) {
      if (!(error instanceof AppError)) throw unjudged(error);
      if (error.code === "integrity_failure") return { way: "failed", why: BROKEN };
      if (error.code !== "token_refused") throw error;
      if (why === null || isAnothers(why)) why = error;
    }
  }
  const detail =
    why === null || isAnothers(why) ? "The token is not signed by a secret of this endpoint." : why.message;
  const judged = unlessBroken(endpoint, { error: "invalid_token", detail });
  return judged.way === "refused" ? { ...judged, forged: why === null || !isSigned(why) } : judged;
}

const BROKEN = "One of this endpoint's secrets cannot be read, and it may be the one that these credentials are of.";

/** Refused, unless a secret that cannot be read might have said otherwise. */
function unlessBroken({ locks }: Guarded, why: Refusal): Judged {
  if (locks.some((lock) => lock.kind === "broken")) return { way: "failed", why: BROKEN };
  return { way: "refused", refusal: why };
}

const SCHEMES = { token: "Bearer", basic: "Basic", header: "ApiKey" } as const;

function schemesOf({ locks }: Guarded): Scheme[] {
  const kinds = new Set(locks.map(({ kind }) => kind));
  return (["token", "basic", "header"] as const).filter((kind) => kinds.has(kind)).map((kind) => SCHEMES[kind]);
}
