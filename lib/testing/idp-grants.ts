import { randomBytes } from "node:crypto";

/**
 * What a provider knows about its grants: the ground truth that tests compare Latchkey with. No network here.
 *
 * - static: the refresh token never changes.
 * - grace: it rotates; a used one is accepted again for `graceMs`.
 * - soft: it rotates; a used one is refused, nothing else happens.
 * - strict: it rotates; a used one revokes the whole grant.
 * - graceReplay: within the grace a used one gets the first answer again, with a new access token when that has ended.
 * - graceLatest: within the grace a used one gets a new answer, and only the newest answer is valid.
 */
export type IdpKind = "static" | "grace" | "soft" | "strict" | "graceReplay" | "graceLatest";

export interface Presentation {
  /** ms since the epoch. */
  at: number;
  token: string;
  /** not_looked_at: a scripted answer came before the token was considered. */
  verdict: "accepted" | "replayed" | "refused" | "reuse" | "not_looked_at";
  /** The presentation made a new token set (or would hand one out again). */
  consumed: boolean;
  /** Whether the whole answer was handed to the connection; null while it is open. */
  answered: boolean | null;
  /** Other presentations of the same token that had no answer yet when this one came. */
  overlapping: number;
  /** The refresh token handed out, where one was. */
  issued: string | null;
  /** The client's end of the connection: tells which process it was. */
  port: number | null;
  /** When it was looked at, ms since the epoch. */
  judgedAt: number | null;
}

export interface Grant {
  id: string;
  kind: IdpKind;
  clientId: string;
  scope: string;
  expiresIn: number;
  revoked: "no" | "reuse" | "revocation" | "script";
  presentations: Presentation[];
  /** Accepted presentations of a token that had been accepted before, grace or not. */
  doubleRedemptions: number;
  /** Access tokens handed out. */
  issued: number;
}

interface RefreshToken {
  grantId: string;
  parent: string | null;
  usedAt: number | null;
  dead: boolean;
  /** The answer its first use got. */
  answer: TokenAnswer | null;
}

export interface TokenAnswer {
  access_token: string;
  token_type: string;
  expires_in: number;
  refresh_token?: string;
  scope: string;
}

export interface NewGrant {
  kind?: IdpKind;
  clientId?: string;
  scope?: string;
  /** Seconds. */
  expiresIn?: number;
  /** False: no refresh token is handed out. */
  offline?: boolean;
}

export class IdpGrants {
  readonly grants = new Map<string, Grant>();
  readonly #refresh = new Map<string, RefreshToken>();
  readonly #access = new Map<string, { grantId: string; until: number }>();
  graceMs = 30_000;
  #count = 0;

  /** A new grant with its first token set, as if a person had consented. */
  create(given: NewGrant = {}): { grant: Grant; tokens: TokenAnswer } {
    const grant: Grant = {
      id: `g${++this.#count}x${randomBytes(4).toString("hex")}`,
      kind: given.kind ?? "strict",
      clientId: given.clientId ?? "client",
      scope: given.scope ?? "read",
      expiresIn: given.expiresIn ?? 3600,
      revoked: "no",
      presentations: [],
      doubleRedemptions: 0,
      issued: 0,
    };
    this.grants.set(grant.id, grant);
    return { grant, tokens: this.#issue(grant, given.offline === false ? undefined : this.#newRefresh(grant, null)) };
  }

  grantOf(refreshToken: string): Grant | null {
    const known = this.#refresh.get(refreshToken);
    return (known && this.grants.get(known.grantId)) ?? null;
  }

  /** Notes that a refresh token has arrived; `redeem` or nothing follows. */
  present(token: string, port: number | null = null): Presentation {
    const grant = this.grantOf(token);
    const presentation: Presentation = {
      at: Date.now(),
      token,
      verdict: "not_looked_at",
      consumed: false,
      answered: null,
      overlapping: grant?.presentations.filter((p) => p.token === token && p.answered === null).length ?? 0,
      issued: null,
      port,
      judgedAt: null,
    };
    grant?.presentations.push(presentation);
    return presentation;
  }

  /** Looks at a presented token and takes effect. Null: invalid_grant. */
  redeem(presentation: Presentation): TokenAnswer | null {
    presentation.judgedAt = Date.now();
    const known = this.#refresh.get(presentation.token);
    const grant = known && this.grants.get(known.grantId);
    if (!known || !grant || grant.revoked !== "no" || known.dead) {
      presentation.verdict = "refused";
      return null;
    }
    if (grant.kind === "static") {
      presentation.verdict = "accepted";
      presentation.consumed = true;
      return this.#issue(grant, undefined);
    }
    if (known.usedAt !== null) return this.#reuse(grant, known, presentation);
    known.usedAt = Date.now();
    if (known.parent !== null) this.#kill(known.parent);
    return this.#accept(grant, known, presentation);
  }

  #reuse(grant: Grant, known: RefreshToken, presentation: Presentation): TokenAnswer | null {
    const inGrace = Date.now() - (known.usedAt ?? 0) <= this.graceMs;
    if (grant.kind === "soft" || grant.kind === "strict" || !inGrace) {
      presentation.verdict = "reuse";
      if (grant.kind === "strict") grant.revoked = "reuse";
      return null;
    }
    grant.doubleRedemptions += 1;
    if (grant.kind === "graceReplay" && known.answer) {
      presentation.verdict = "replayed";
      presentation.consumed = true;
      presentation.issued = known.answer.refresh_token ?? null;
      // The same tokens; their age is told (RFC 6749 section 5.1). An access token that has ended is nothing to answer with.
      const left = -(this.expiredForMs(known.answer.access_token) ?? 0);
      if (left < 1000) known.answer = this.#issue(grant, known.answer.refresh_token);
      return left < 1000 ? known.answer : { ...known.answer, expires_in: Math.floor(left / 1000) };
    }
    if (grant.kind === "graceLatest")
      for (const other of this.#refresh.values()) if (other.parent === presentation.token) other.dead = true;
    return this.#accept(grant, known, presentation);
  }

  #accept(grant: Grant, known: RefreshToken, presentation: Presentation): TokenAnswer {
    presentation.verdict = "accepted";
    presentation.consumed = true;
    const next = this.#newRefresh(grant, presentation.token);
    presentation.issued = next;
    const answer = this.#issue(grant, next);
    known.answer ??= answer;
    return answer;
  }

  #newRefresh(grant: Grant, parent: string | null): string {
    const token = `rt.${grant.id}.${randomBytes(12).toString("hex")}`;
    this.#refresh.set(token, { grantId: grant.id, parent, usedAt: null, dead: false, answer: null });
    return token;
  }

  #issue(grant: Grant, refreshToken: string | undefined): TokenAnswer {
    grant.issued += 1;
    const token = `at.${grant.id}.${grant.issued}.${randomBytes(12).toString("hex")}`;
    this.#access.set(token, { grantId: grant.id, until: Date.now() + grant.expiresIn * 1000 });
    return {
      access_token: token,
      token_type: "Bearer",
      expires_in: grant.expiresIn,
      ...(refreshToken === undefined ? {} : { refresh_token: refreshToken }),
      scope: grant.scope,
    };
  }

  #kill(token: string): void {
    const known = this.#refresh.get(token);
    if (known) known.dead = true;
  }

  /** RFC 7009: ends the grant of a refresh or access token. */
  revoke(token: string): boolean {
    const id = this.#refresh.get(token)?.grantId ?? this.#access.get(token)?.grantId;
    const grant = id === undefined ? undefined : this.grants.get(id);
    if (!grant) return false;
    if (grant.revoked === "no") grant.revoked = "revocation";
    return true;
  }

  /** Ends one access token before its time; its grant lives on. */
  endAccess(token: string): void {
    this.#access.delete(token);
  }

  /** Whether the provider's API would take this access token now. */
  acceptsAccess(token: string): boolean {
    const known = this.#access.get(token);
    return known !== undefined && known.until > Date.now() && this.grants.get(known.grantId)?.revoked === "no";
  }

  /** How long ago the access token ended, ms; negative while it lives, null when it was never handed out or was ended. */
  expiredForMs(token: string): number | null {
    const known = this.#access.get(token);
    return known ? Date.now() - known.until : null;
  }

  /** Whether presenting this refresh token now would give tokens. */
  acceptsRefresh(token: string): boolean {
    const known = this.#refresh.get(token);
    const grant = known && this.grants.get(known.grantId);
    if (!known || !grant || known.dead || grant.revoked !== "no") return false;
    if (known.usedAt === null || grant.kind === "static") return true;
    if (grant.kind === "soft" || grant.kind === "strict") return false;
    return Date.now() - known.usedAt <= this.graceMs;
  }
}
