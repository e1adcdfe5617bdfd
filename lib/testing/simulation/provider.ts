/**
 * The simulated provider: five kinds as in REFRESH section 9, and the ground truth of every grant. Grants are named by
 * strings, refresh tokens `rt.<grant>.<n>` with n counting what was issued for the grant.
 *
 * - static: the refresh token never changes.
 * - strict: it rotates; a used one revokes the whole grant.
 * - soft: it rotates; a used one is refused.
 * - graceReplay: the predecessor of an unused token gets the same child again.
 * - graceLatest: the predecessor of an unused token gets a new child, and the older child dies.
 */
export const KINDS = ["static", "strict", "soft", "graceReplay", "graceLatest"] as const;
export type Kind = (typeof KINDS)[number];
export const hasGrace = (kind: Kind) => kind !== "strict" && kind !== "soft";

export interface TrueGrant {
  id: string;
  kind: Kind;
  current: number;
  previous: number;
  issued: number;
  accessIssued: number;
  revoked: "no" | "reuse" | "asked";
}

export interface Issued {
  refresh: number;
  access: number;
}

export class TrueProvider {
  readonly grants = new Map<string, TrueGrant>();

  create(id: string, kind: Kind): Issued {
    this.grants.set(id, { id, kind, current: 1, previous: 0, issued: 1, accessIssued: 1, revoked: "no" });
    return { refresh: 1, access: 1 };
  }

  grant(id: string): TrueGrant {
    const grant = this.grants.get(id);
    if (!grant) throw new Error(`no grant ${id}`);
    return grant;
  }

  /** Whether presenting the token now would give tokens. */
  accepts(id: string, token: number): boolean {
    const grant = this.grant(id);
    if (grant.revoked !== "no") return false;
    return token === grant.current || (hasGrace(grant.kind) && grant.kind !== "static" && token === grant.previous);
  }

  /** Presents a token. Null: invalid_grant. */
  present(id: string, token: number): Issued | null {
    const grant = this.grant(id);
    if (grant.revoked !== "no") return null;
    if (grant.kind === "static") return token === grant.current ? this.#issue(grant, grant.current) : null;
    if (token === grant.current) {
      grant.previous = token;
      grant.issued += 1;
      grant.current = grant.issued;
      return this.#issue(grant, grant.current);
    }
    if (token === grant.previous && grant.kind === "graceReplay") return this.#issue(grant, grant.current);
    if (token === grant.previous && grant.kind === "graceLatest") {
      grant.issued += 1;
      grant.current = grant.issued;
      return this.#issue(grant, grant.current);
    }
    if (grant.kind === "graceLatest" && token > grant.previous) return null; // a superseded sibling
    if (grant.kind !== "soft") grant.revoked = "reuse";
    return null;
  }

  #issue(grant: TrueGrant, refresh: number): Issued {
    grant.accessIssued += 1;
    return { refresh, access: grant.accessIssued };
  }
}

export const refreshToken = (grant: string, n: number) => `rt.${grant}.${n}`;
export const accessToken = (grant: string, n: number) => `at.${grant}.${n}`;

/** The grant and number in a refresh or access token of this provider; null for a token that a person made up. */
export function readToken(token: string): { grant: string; n: number } | null {
  const [kind, grant, n] = token.split(".");
  return (kind === "rt" || kind === "at") && grant && n ? { grant, n: Number(n) } : null;
}
