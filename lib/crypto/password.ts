import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from "node:crypto";
import { AppError } from "@/lib/errors";
import { once } from "@/lib/process";

/**
 * Passwords of people, as scrypt text with its parameters: `$scrypt$ln=17,r=8,p=1$<salt>$<hash>` (SECURITY LGN-2).
 * One hash takes 128 MB and some tenths of a second, so only two run at a time and only so many wait (DO-6).
 */

interface Parameters {
  /** Base-2 logarithm of scrypt's N. */
  ln: number;
  r: number;
  p: number;
}

const CURRENT: Parameters = { ln: 17, r: 8, p: 1 };
const SALT_BYTES = 16;
const HASH_BYTES = 32;
const RUNNING_MAX = 2;
const WAITING_MAX = 64;
const RETRY_AFTER_S = 5;

/** Upper bounds for stored parameters: a row that somebody edited must not be able to exhaust memory. */
const MOST: Parameters = { ln: 19, r: 16, p: 4 };
const MOST_MEMORY_BYTES = 512 * 1024 * 1024;

const PHC = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/;

/** Hashes a new password. Throws `throttled` when too many are waiting. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const hash = await derive(password, salt, HASH_BYTES, CURRENT);
  return `$scrypt$ln=${CURRENT.ln},r=${CURRENT.r},p=${CURRENT.p}$${unpadded(salt)}$${unpadded(hash)}`;
}

/**
 * Whether `password` is the one behind `stored`. False, at the cost of a real check, for text that is no hash of ours.
 * Throws `throttled` when too many are waiting.
 */
export async function verifyPassword(stored: string, password: string): Promise<boolean> {
  const parsed = parse(stored);
  if (!parsed) return verifyNothing(password);
  const hash = await derive(password, parsed.salt, parsed.hash.length, parsed.parameters);
  return timingSafeEqual(hash, parsed.hash);
}

/** Costs what `verifyPassword` costs and is always false: for names nobody has (LGN-3). */
export async function verifyNothing(password = ""): Promise<false> {
  await derive(password, randomBytes(SALT_BYTES), HASH_BYTES, CURRENT);
  return false;
}

/** Whether a stored hash has other parameters than a new one would, so that the next sign-in should replace it. */
export function needsRehash(stored: string): boolean {
  const parsed = parse(stored);
  if (!parsed) return true;
  const { ln, r, p } = parsed.parameters;
  return ln !== CURRENT.ln || r !== CURRENT.r || p !== CURRENT.p || parsed.hash.length !== HASH_BYTES;
}

function parse(stored: string): { parameters: Parameters; salt: Buffer; hash: Buffer } | null {
  const match = PHC.exec(stored);
  if (!match) return null;
  const [, ln, r, p, salt, hash] = match as unknown as [string, string, string, string, string, string];
  const parameters = { ln: Number(ln), r: Number(r), p: Number(p) };
  if (parameters.ln < 1 || parameters.r < 1 || parameters.p < 1) return null;
  if (parameters.ln > MOST.ln || parameters.r > MOST.r || parameters.p > MOST.p) return null;
  if (memoryBytes(parameters) > MOST_MEMORY_BYTES) return null;
  return { parameters, salt: Buffer.from(salt, "base64"), hash: Buffer.from(hash, "base64") };
}

function memoryBytes({ ln, r, p }: Parameters): number {
  return 128 * r * (2 ** ln + p + 2);
}

function unpadded(bytes: Buffer): string {
  return bytes.toString("base64").replace(/=+$/, "");
}

async function derive(password: string, salt: Buffer, length: number, parameters: Parameters): Promise<Buffer> {
  const options: ScryptOptions = {
    N: 2 ** parameters.ln,
    r: parameters.r,
    p: parameters.p,
    maxmem: memoryBytes(parameters) + 1024 * 1024,
  };
  // NFKC, so that the same password typed on another keyboard gives the same bytes.
  const clear = Buffer.from(password.normalize("NFKC"), "utf8");
  const release = await enter();
  try {
    return await new Promise<Buffer>((resolve, reject) =>
      scrypt(clear, salt, length, options, (error, key) => (error ? reject(error) : resolve(key))),
    );
  } finally {
    clear.fill(0);
    release();
  }
}

interface Gate {
  running: number;
  waiting: (() => void)[];
}

/** Waits for one of the places; returns how to leave it. */
async function enter(): Promise<() => void> {
  const gate = once<Gate>("passwordGate", () => ({ running: 0, waiting: [] }));
  if (gate.running >= RUNNING_MAX) {
    if (gate.waiting.length >= WAITING_MAX)
      throw new AppError("throttled", "Too many sign-ins at once. Try again in a moment.", {
        retryAfterS: RETRY_AFTER_S,
      });
    // The one who leaves hands its place over, so `running` stays as it is.
    await new Promise<void>((resolve) => gate.waiting.push(resolve));
  } else gate.running += 1;
  return () => {
    const next = gate.waiting.shift();
    if (next) next();
    else gate.running -= 1;
  };
}
