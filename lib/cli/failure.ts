import { LatchkeyError, UnknownSecretError } from "@/lib/sdk";
import { listSecrets } from "./read";
import { UsageError } from "./usage-error";

/** What is said of a command that failed. */
export interface Failure {
  text: string;
  /** 2: the command line is wrong; 1: everything else. */
  code: 1 | 2;
}

/** In words, with what may help. Only what is a fault of ours has a stack. */
export async function tellFailure(error: unknown): Promise<Failure> {
  if (error instanceof UnknownSecretError) return { text: `${error.message}${await hintFor(error.nameOrId)}`, code: 1 };
  if (error instanceof LatchkeyError) return { text: wordsOf(error), code: 1 };
  if (!(error instanceof Error)) return { text: String(error), code: 1 };
  const { code, syscall } = error as NodeJS.ErrnoException;
  // What node:util's parseArgs throws is about the command line too.
  if (error instanceof UsageError || String(code).startsWith("ERR_PARSE_ARGS")) return { text: error.message, code: 2 };
  // A file named after @, a full disk.
  if (syscall !== undefined) return { text: error.message, code: 1 };
  return { text: String(error.stack ?? error), code: 1 };
}

/** Where no answer came, or none that Latchkey would give, the address is wrong most often. */
function wordsOf(error: LatchkeyError): string {
  const address = "LATCHKEY_URL, or what latchkey login was given";
  if (error.code === "network") {
    const why = reasonOf(error.cause);
    return why === "unexpected redirect"
      ? `The address of Latchkey leads elsewhere. Give the one it leads to, such as https:// for http://; it is ${address}.`
      : `Latchkey could not be reached: ${why}. Its address is ${address}.`;
  }
  return error.code === "unknown" || error.code === "malformed"
    ? `${error.message} Is it Latchkey that answers at its address (${address})?`
    : error.message;
}

/** fetch says "fetch failed"; its cause says why, and of several addresses that were tried the first. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : reasonOf(error.cause);
}

/** The names it may have been, as far as the key may see them. */
async function hintFor(name: string): Promise<string> {
  const known = await listSecrets().catch((error: unknown) => {
    if (error instanceof LatchkeyError) return [];
    throw error;
  });
  const wanted = name.toLowerCase();
  const alike = (other: string) =>
    wanted.length > 2 && (other.includes(wanted) || distance(wanted, other) <= Math.max(1, wanted.length / 4));
  const near = known.map((secret) => secret.name).filter((other) => alike(other.toLowerCase()));
  if (near.length === 0) return known.length > 0 ? " latchkey list shows which there are." : "";
  return ` Is it ${near
    .slice(0, 3)
    .map((other) => `“${other}”`)
    .join(" or ")}?`;
}

/** How many letters must be put in, left out or changed to make one text the other (Levenshtein). */
export function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, i) => i);
  for (let i = 1; i <= one.length; i++) {
    const next = [i];
    for (let j = 1; j <= other.length; j++)
      next[j] = Math.min(
        (row[j] as number) + 1,
        (next[j - 1] as number) + 1,
        (row[j - 1] as number) + (one[i - 1] === other[j - 1] ? 0 : 1),
      );
    row = next;
  }
  return row[other.length] as number;
}
