import { encodingsOf } from "./encodings";

/**
 * Masks what was injected into a request in the answer to it, in every writing of lib/secret-use/encodings (SECURITY PX-3). Streams: a
 * value split over pieces is found, and no more is held back than what may be the beginning of one. A mask is as long as what
 * it covers, so lengths stay true.
 *
 * The search steps over the text by the shortest needle's length where it can (Wu and Manber, "A fast algorithm for multi-pattern
 * searching", 1994).
 */

const MASK = 0x2a; // *
const BLOCK = 3;
const HASHES = 1 << 15;
/** Of the block that ends at `end`. */
const hashAt = (bytes: Buffer, end: number): number =>
  (((bytes[end - 2] as number) << 10) ^ ((bytes[end - 1] as number) << 5) ^ (bytes[end] as number)) & (HASHES - 1);
/** More of a needle's beginning fills the table and makes the steps shorter again. */
const WIDEST = 24;
const NONE = Buffer.alloc(0);
/** A value of fewer characters would be masked wherever its letters stand. */
const LEAST = 4;

/** What is looked for, ready to be looked for in any number of answers. */
export class Needles {
  readonly all: readonly Buffer[];
  readonly longest: number;
  /** How far a needle's beginning is looked at by the search: the length of the shortest. */
  readonly window: number;
  readonly shift = new Uint8Array(HASHES);
  readonly buckets = new Map<number, Buffer[]>();
  /** In lower case, for names of headers. */
  readonly lower: readonly string[];
  /** The length of the shortest of those. */
  readonly shortest: number;
  readonly byFirst: (Buffer[] | undefined)[] = new Array(256).fill(undefined);

  /** @param values clear values; those of fewer than four bytes are not looked for */
  constructor(values: readonly string[]) {
    const forms = [...new Set(values)].flatMap(encodingsOf).filter((form) => form.length >= LEAST);
    this.all = forms;
    this.lower = [...new Set(forms.map((form) => form.toString("latin1").toLowerCase()))];
    this.shortest = Math.min(...this.lower.map((form) => form.length));
    this.longest = Math.max(0, ...forms.map((form) => form.length));
    this.window = Math.min(WIDEST, ...forms.map((form) => form.length));
    this.shift.fill(Math.max(1, this.window - BLOCK + 1));
    for (const form of forms) {
      for (let end = BLOCK - 1; end < this.window; end++) {
        const h = hashAt(form, end);
        this.shift[h] = Math.min(this.shift[h] as number, this.window - 1 - end);
        if (end < this.window - 1) continue;
        const known = this.buckets.get(h);
        if (known) known.push(form);
        else this.buckets.set(h, [form]);
      }
      const first = form[0] as number;
      this.byFirst[first] = [...(this.byFirst[first] ?? []), form];
    }
  }
}

export class ReflectionGuard {
  readonly #needles: Needles;
  #held: Buffer = NONE;
  #hits = 0;

  /** @param needles what to look for, or the clear values */
  constructor(needles: Needles | readonly string[]) {
    this.#needles = needles instanceof Needles ? needles : new Needles(needles);
  }

  /** How often something was masked. */
  get hits(): number {
    return this.#hits;
  }

  /** The next piece of a body, masked; what may be the beginning of a value comes with a later piece. */
  add(chunk: Buffer): Buffer {
    if (this.#needles.all.length === 0) return chunk;
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const found = this.#find(bytes);
    let until = this.#beginningAtEnd(bytes);
    // A match that reaches into what is held back is found again with it.
    while (found.length > 0) {
      const last = found.at(-1) as Match;
      if (last.end <= until) break;
      until = Math.min(until, last.start);
      found.pop();
    }
    this.#held = until === bytes.length ? NONE : Buffer.from(bytes.subarray(until));
    return this.#mask(until === bytes.length ? bytes : bytes.subarray(0, until), found);
  }

  /** A whole body, masked. */
  whole(bytes: Buffer): Buffer {
    return this.#mask(bytes, this.#find(bytes));
  }

  /** What was held back until the end. */
  end(): Buffer {
    const rest = this.#held;
    this.#held = NONE;
    return this.#mask(rest, this.#find(rest));
  }

  /** A whole text, such as a header's value; each character below U+0100. */
  text(value: string): string {
    if (value.length < this.#needles.window) return value;
    const bytes = Buffer.from(value, "latin1");
    const found = this.#find(bytes);
    return found.length === 0 ? value : this.#mask(bytes, found).toString("latin1");
  }

  /** The same for what somebody may have put in lower case: a header's name. */
  textInAnyCase(value: string): string {
    if (value.length < this.#needles.shortest) return value;
    const lower = value.toLowerCase();
    for (const needle of this.#needles.lower)
      if (needle.length <= lower.length && lower.includes(needle)) {
        this.#hits += 1;
        return "*".repeat(value.length);
      }
    return value;
  }

  #mask(bytes: Buffer, found: readonly Match[]): Buffer {
    if (found.length === 0) return bytes;
    this.#hits += found.length;
    const masked = Buffer.from(bytes);
    for (const { start, end } of found) masked.fill(MASK, start, end);
    return masked;
  }

  /** Every stretch that is a needle, overlapping ones as one, in order. */
  #find(bytes: Buffer): Match[] {
    const found: Match[] = [];
    const { all, window, shift } = this.#needles;
    const { length } = bytes;
    if (all.length === 0) return found;
    // In both halves at once: a step waits for what the table says of its bytes, and the processor looks the other up meanwhile.
    const middle = Math.max(window - 1, length >> 1);
    const later: Match[] = [];
    let [a, b] = [window - 1, middle];
    while (a < middle && b < length) {
      const [hashA, hashB] = [hashAt(bytes, a), hashAt(bytes, b)];
      const [stepA, stepB] = [shift[hashA] as number, shift[hashB] as number];
      if (stepA === 0) this.#match(bytes, a, hashA, found);
      if (stepB === 0) this.#match(bytes, b, hashB, later);
      a += stepA || 1;
      b += stepB || 1;
    }
    while (a < middle) a += this.#step(bytes, a, found);
    while (b < length) b += this.#step(bytes, b, later);
    for (const match of later) join(found, match);
    return found;
  }

  /** How far the search may go on from here, where `window` bytes end at `at`; what begins with them is added to `found`. */
  #step(bytes: Buffer, at: number, found: Match[]): number {
    const h = hashAt(bytes, at);
    const step = this.#needles.shift[h] as number;
    if (step === 0) this.#match(bytes, at, h, found);
    return step || 1;
  }

  /** Adds the longest needle to `found` whose first `window` bytes end at `at`. */
  #match(bytes: Buffer, at: number, h: number, found: Match[]): void {
    const start = at - this.#needles.window + 1;
    let end = 0;
    for (const needle of this.#needles.buckets.get(h) ?? [])
      if (
        start + needle.length > end &&
        bytes[start] === needle[0] &&
        start + needle.length <= bytes.length &&
        bytes.compare(needle, 0, needle.length, start, start + needle.length) === 0
      )
        end = start + needle.length;
    if (end > 0) join(found, { start, end });
  }

  /** Where the longest end of `bytes` begins that a needle could go on from; the length when there is none. */
  #beginningAtEnd(bytes: Buffer): number {
    const { length } = bytes;
    const { longest, byFirst } = this.#needles;
    for (let start = Math.max(0, length - longest + 1); start < length; start++)
      for (const needle of byFirst[bytes[start] as number] ?? [])
        if (needle.length > length - start && bytes.compare(needle, 0, length - start, start, length) === 0)
          return start;
    return length;
  }
}

interface Match {
  start: number;
  end: number;
}

/** Adds a match behind those found before; overlapping ones are one. */
function join(found: Match[], { start, end }: Match): void {
  const last = found.at(-1);
  if (last && start <= last.end) last.end = Math.max(last.end, end);
  else found.push({ start, end });
}
