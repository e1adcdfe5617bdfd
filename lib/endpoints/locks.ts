import { systemClock } from "@/lib/clock";
import { mac, sameMac } from "@/lib/crypto/mac";
import { AppError } from "@/lib/errors";
import { isId } from "@/lib/ids";
import { once } from "@/lib/process";
import { isSecretType, SECRET_TYPES } from "@/lib/secret-types";
import type { SecretType } from "@/lib/secret-types/secret-type";
import { openStatic } from "@/lib/secrets/opened";
import { type GuardedRow, readGuarded } from "./store";

/**
 * What opens an endpoint, ready to be compared with. Passwords and keys are kept as keyed hashes of one length (SECURITY JW-7), never in
 * clear; keys of tokens stay sealed here and are jwt-keys' to open.
 */

interface SecretRow {
  tenantId: string;
  id: string;
  name: string;
  type: string;
  generation: number;
  sealed: Buffer;
}

type Way =
  | { kind: "basic"; user: string; password: string }
  | { kind: "header"; header: string; value: string }
  | { kind: "token" }
  /** It is there and cannot be opened, so nobody can say whom it would let in. */
  | { kind: "broken" };

export type Lock = Way & { secret: SecretRow };

export interface Guarded extends Omit<GuardedRow, "secrets"> {
  id: string;
  locks: readonly Lock[];
}

/**
 * How long an endpoint is taken to be what it was: a change of it, or of a secret, holds in every process after a second at most. Counted
 * from before it was read.
 */
const KNOWN_MS = 1_000;
const MOST_KNOWN = 5_000;

class Endpoints {
  readonly #known = new Map<string, { guarded: Guarded | null; readAt: number }>();
  readonly #reading = new Map<string, Promise<Guarded | null>>();

  get(id: string): Promise<Guarded | null> | Guarded | null {
    const known = this.#known.get(id);
    if (known && systemClock.monotonic() - known.readAt < KNOWN_MS) return known.guarded;
    let reading = this.#reading.get(id);
    if (!reading) {
      reading = this.#read(id, known?.guarded ?? null).finally(() => this.#reading.delete(id));
      this.#reading.set(id, reading);
    }
    return reading;
  }

  async #read(id: string, before: Guarded | null): Promise<Guarded | null> {
    const readAt = systemClock.monotonic();
    const row = await readGuarded(id);
    const guarded = row && { ...row, id, locks: await Promise.all(row.secrets.map((one) => lockOf(row, one, before))) };
    this.#known.delete(id);
    for (const [other, entry] of this.#known)
      if (this.#known.size >= MOST_KNOWN || readAt - entry.readAt > KNOWN_MS * 60) this.#known.delete(other);
      else break;
    this.#known.set(id, { guarded, readAt });
    return guarded;
  }
}

/** The endpoint of this id as it is, or was a second ago at most; null: there is none. */
export function guardedEndpoint(id: string): Promise<Guarded | null> | Guarded | null {
  return isId(id) ? once("inbound-endpoints", () => new Endpoints()).get(id) : null;
}

async function lockOf(
  { tenantId }: GuardedRow,
  row: GuardedRow["secrets"][number],
  before: Guarded | null,
): Promise<Lock> {
  const secret = { tenantId, ...row };
  const same = before?.locks.find((lock) => lock.secret.id === row.id && lock.secret.generation === row.generation);
  if (same && same.kind !== "broken") return { ...same, secret };
  const type: SecretType | null = isSecretType(row.type) ? SECRET_TYPES[row.type] : null;
  try {
    if (type?.opens === "token") return { kind: "token", secret };
    if (type?.opens === "basic") return { ...(await openStatic(secret)).use(basicWay), secret };
    if (type?.opens === "header") return { ...(await openStatic(secret)).use(headerWay), secret };
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "integrity_failure") throw error;
  }
  return { kind: "broken", secret };
}

type Values = Readonly<Record<string, unknown>>;

function basicWay({ username, password }: Values): Way {
  if (typeof username !== "string" || typeof password !== "string") return { kind: "broken" };
  return { kind: "basic", user: lockHash(username), password: lockHash(password) };
}

function headerWay({ headerName, headerValue }: Values): Way {
  if (typeof headerName !== "string" || typeof headerValue !== "string" || headerValue === "")
    return { kind: "broken" };
  return { kind: "header", header: headerName.toLowerCase(), value: lockHash(headerValue) };
}

/** 64 characters of anything, so that comparing tells neither how much is right nor how long it is. */
export const lockHash = (text: string) => mac("guard", text);

export const opens = {
  /** Both parts are always compared. */
  basic(lock: { user: string; password: string }, given: { user: string; password: string }): boolean {
    const user = sameMac(lock.user, given.user);
    const password = sameMac(lock.password, given.password);
    return user && password;
  },
  header: (lock: { value: string }, given: string): boolean => sameMac(lock.value, given),
};
