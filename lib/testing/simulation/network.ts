import type { OAuthClient } from "@/lib/auth-clients/client";
import { Sensitive } from "@/lib/crypto/sensitive";
import { type Failure, failureOfAnswer } from "@/lib/oauth/failure";
import type { TokenAnswer } from "@/lib/oauth/token-endpoint";
import { readTokenSet, type StoredTokens } from "@/lib/oauth/token-set";
import { HARD_DEADLINE_MS } from "@/lib/refresher/policy";
import type { Process } from "./process";
import { accessToken, type Issued, readToken, refreshToken, type TrueProvider } from "./provider";
import type { Simulation } from "./simulation";

/** One request with a refresh token, as nobody in the system sees it: from the socket to the provider and back. */
export interface Presentation {
  id: number;
  by: Process;
  secretId: string;
  grant: string;
  token: number;
  /** Of the lease it was sent under. */
  generation: number;
  attempt: string;
  /** When the process began to connect: its deadline counts from here. */
  askedAt: number;
  sentAt: number;
  arrivedAt: number | null;
  issued: Issued | null;
  /** What the sender knows: nothing yet, tokens, a refusal, or an answer (or error) it did not understand. */
  heard: "nothing" | "tokens" | "refused" | "unclear";
  heardAt: number | null;
}

const NOTHING = { oauthError: null, said: null, retryAfterMs: null, status: null };
const NOT_SENT: Failure = { ...NOTHING, kind: "not_sent", code: "provider_unreachable", detail: "No connection." };
const BROKEN: Failure = { ...NOTHING, kind: "unknown", code: "provider_failing", detail: "No complete answer." };

/** A request may be on its way for this share of the access token's life, never longer (REFRESH section 9, assumption). */
const TRANSIT_SHARE = 0.3;

/** When the system gives up a connection on which nothing comes any more. */
const GIVEN_UP_MS = [200_000, 900_000] as const;

/** The way between processes and the provider, with all that may happen on it. */
export class Network {
  readonly presentations: Presentation[] = [];
  /** Until then the provider wants nobody to ask. */
  leaveAloneUntil = 0;

  constructor(
    readonly sim: Simulation,
    readonly truth: TrueProvider,
  ) {}

  /** Requests that have not reached the provider yet. */
  undelivered(secretId: string): boolean {
    return this.presentations.some((p) => p.secretId === secretId && p.arrivedAt === null);
  }

  renew(by: Process, tokens: StoredTokens, mayStillSend: () => boolean): Promise<TokenAnswer> {
    const { sim } = this;
    const askedAt = sim.now;
    return new Promise((resolve) => {
      const connectMs = sim.faults.strikes("connectSlow")
        ? sim.random.between(3_000, 20_000)
        : sim.random.skewed(1, 80);
      sim.gate("connect", { by, owner: by }, connectMs, () => {
        if (sim.faults.strikes("connectFails")) return resolve({ kind: "failure", failure: NOT_SENT });
        if (!sim.weakness?.noGuard && !mayStillSend()) return resolve({ kind: "failure", failure: NOT_SENT });
        this.#send(by, tokens, askedAt, resolve);
      });
    });
  }

  #send(by: Process, tokens: StoredTokens, askedAt: number, resolve: (answer: TokenAnswer) => void): void {
    const { sim } = this;
    const { faults, random } = sim;
    const known = tokens.refresh_token && readToken(tokens.refresh_token.reveal());
    if (!known) throw new Error("a refresh token that no provider issued was presented");
    const lease = by.presenting(known.grant);
    const p: Presentation = {
      id: this.presentations.length,
      by,
      secretId: lease.secretId,
      grant: known.grant,
      token: known.n,
      generation: lease.generation,
      attempt: lease.attempt,
      askedAt,
      sentAt: sim.now,
      arrivedAt: null,
      issued: null,
      heard: "nothing",
      heardAt: null,
    };
    sim.judge.presented(p);
    this.presentations.push(p);
    sim.note(`${by.name} sends ${refreshToken(p.grant, p.token)} (generation ${p.generation})`);
    const longest = sim.plan.lifetimeS * 1000 * TRANSIT_SHARE;
    const hears = (answer: TokenAnswer | null, ms: number) => this.#deliver(p, answer, ms, resolve);
    if (faults.strikes("requestReset")) {
      // The sender learns of it at once; the request may lie in some proxy and arrive all the same.
      hears(null, random.between(1, 500));
      if (random.chance(0.5)) {
        p.arrivedAt = sim.now; // never
        return;
      }
      sim.gate("request", { by, owner: null }, random.skewed(1, longest), () => this.#arrive(p, () => {}));
      return;
    }
    if (faults.strikes("requestSilent")) {
      p.arrivedAt = sim.now; // never, and nobody says so until the connection is given up
      hears(null, random.between(...GIVEN_UP_MS));
      return;
    }
    const late = faults.strikes("requestLate");
    const transit = late ? random.between(1_000, longest) : random.skewed(1, 150);
    sim.gate("request", { by, owner: null }, transit, () => this.#arrive(p, hears));
  }

  #arrive(p: Presentation, hears: (answer: TokenAnswer | null, ms: number) => void): void {
    const { sim } = this;
    const { faults, random } = sim;
    p.arrivedAt = sim.now;
    const quick = random.skewed(5, 2_000);
    if (sim.now >= this.leaveAloneUntil && faults.strikes("slowDown", 3))
      this.leaveAloneUntil = sim.now + random.between(5, 120) * 1_000;
    if (sim.now < this.leaveAloneUntil) {
      const seconds = Math.ceil((this.leaveAloneUntil - sim.now) / 1_000);
      sim.note(`the provider answers 429 to ${refreshToken(p.grant, p.token)}: not for ${seconds} s`);
      hears(understood(429, {}, null, String(seconds)), quick);
      return;
    }
    if (faults.strikes("unavailable") || sim.scripted(p, "unavailable")) {
      sim.note(`the provider answers 503 to ${refreshToken(p.grant, p.token)}`);
      hears(understood(503, {}, null), quick);
      return;
    }
    const revokedBefore = this.truth.grant(p.grant).revoked;
    p.issued = this.truth.present(p.grant, p.token);
    const grant = this.truth.grant(p.grant);
    sim.note(
      `the provider ${p.issued ? `consumes ${refreshToken(p.grant, p.token)}, issues ${p.issued.refresh}` : `refuses ${refreshToken(p.grant, p.token)}`}${
        grant.revoked !== revokedBefore ? " and REVOKES the grant" : ""
      }`,
    );
    if (faults.strikes("consumedThenUnavailable") || sim.scripted(p, "consumedThenUnavailable")) {
      hears(understood(502, {}, null), quick);
      return;
    }
    if (faults.strikes("answerTruncated")) {
      hears(understood(200, undefined, null), quick);
      return;
    }
    if (faults.strikes("answerReset")) {
      hears(null, quick);
      return;
    }
    if (faults.strikes("answerSilent")) {
      hears(null, random.between(...GIVEN_UP_MS));
      return;
    }
    const ms = faults.strikes("answerLate") ? this.#lateness() : quick;
    const wall = sim.plan.sendsDate ? Math.floor((sim.now + sim.plan.providerSkewMs) / 1000) * 1000 : null;
    if (!p.issued) {
      hears(understood(400, { error: "invalid_grant" }, wall), ms);
      return;
    }
    const body = {
      access_token: accessToken(p.grant, p.issued.access),
      token_type: "Bearer",
      expires_in: sim.plan.lifetimeS,
      ...(grant.kind === "static" && sim.plan.staticSilent
        ? {}
        : { refresh_token: refreshToken(p.grant, p.issued.refresh) }),
    };
    sim.judge.issuedAccess(p.grant, p.issued.access);
    hears(understood(200, body, wall), ms);
  }

  /** How long an answer takes that is late: in a pointed run about as long as until somebody asks again. */
  #lateness(): number {
    const { plan, random } = this.sim;
    return plan.pointed ? HARD_DEADLINE_MS + random.between(0, 15_000) : random.between(5_000, 400_000);
  }

  /** @param answer null: the connection broke */
  #deliver(p: Presentation, answer: TokenAnswer | null, ms: number, resolve: (answer: TokenAnswer) => void): void {
    const { sim } = this;
    sim.gate("answer", { by: p.by, owner: p.by }, ms, () => {
      const told = answer ?? ({ kind: "failure", failure: BROKEN } as const);
      p.heard = told.kind === "tokens" ? "tokens" : told.failure.kind === "refused" ? "refused" : "unclear";
      p.heardAt = sim.now;
      sim.note(`${p.by.name} hears ${p.heard} of ${refreshToken(p.grant, p.token)}`);
      sim.judge.heard(p);
      if (sim.weakness?.hears(p, sim.now) === false) return;
      resolve(told);
    });
  }
}

/** An answer as lib/oauth reads it. */
function understood(
  status: number,
  body: unknown,
  issuedAtMs: number | null,
  retryAfter: string | null = null,
): TokenAnswer {
  const tokens = status === 200 ? readTokenSet(body) : null;
  if (tokens) return { kind: "tokens", tokens, issuedAtMs, authMethod: "client_secret_post" };
  return { kind: "failure", failure: failureOfAnswer({ status, retryAfter, body, secrets: [] }) };
}

/** The simulated provider's only client. */
export function simulatedClient(tenantId: string, id: string, tokenUri: string): OAuthClient {
  return {
    tenantId,
    id,
    name: id,
    scope: { kind: "tenant", tenantId } as unknown as OAuthClient["scope"],
    version: 1,
    options: { token_expires_in: 3600, token_uri: tokenUri } as OAuthClient["options"],
    clientSecret: new Sensitive("client-secret"),
    secretName: null,
    learnedAuthMethod: "client_secret_post",
    proven: true,
    problem: null,
  };
}
