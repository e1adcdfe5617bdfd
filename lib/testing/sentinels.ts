import { randomBytes } from "node:crypto";
import { gunzipSync, gzipSync } from "node:zlib";

/**
 * Planted values (CRY-10; FAULTS C12): unique texts put wherever a secret may be, and a scanner that finds them again in
 * whatever form they leaked. `form` says how a hit was encoded, `around` what stood beside it.
 */

export interface Hit {
  name: string;
  form: string;
  around: string;
}

export class Sentinels {
  readonly #values = new Map<string, string | Buffer>();
  #needles: Needles | undefined;

  /** A value that may stand in a header or a form: what a token or a key looks like. */
  token(name: string): string {
    return this.#add(name, `Zq+${randomBytes(6).toString("hex")}/${randomBytes(15).toString("base64url")}~Qz`);
  }

  /** A value with everything that encodings change. */
  text(name: string): string {
    return this.#add(
      name,
      `Zq "${randomBytes(9).toString("hex")}" <&> \\ ü ${randomBytes(12).toString("base64url")} Qz`,
    );
  }

  /** A value somebody else chose, such as a session's cookie or a key that was shown once. */
  add(name: string, value: string): string {
    if (value.length < 12) throw new Error(`${name} is too short to be told from chance.`);
    return this.#add(name, value);
  }

  /** A value that is bytes, such as a key. */
  addBytes(name: string, value: Buffer): void {
    if (value.length < 12) throw new Error(`${name} is too short to be told from chance.`);
    this.#add(name, value);
  }

  /** A value of letters, digits and dashes: what a header's name may be. */
  word(name: string): string {
    return this.#add(name, `Zq-${randomBytes(18).toString("hex")}-Qz`);
  }

  get names(): string[] {
    return [...this.#values.keys()];
  }

  valueOf(name: string): string {
    const value = this.#values.get(name);
    if (typeof value !== "string") throw new Error(`${name} was not planted as a text.`);
    return value;
  }

  /** Every place where a planted value, in any form, stands in `hay`; names in `but` are allowed there. */
  find(hay: string | Uint8Array, but: readonly string[] = []): Hit[] {
    const bytes = typeof hay === "string" ? Buffer.from(hay, "utf8") : Buffer.from(hay);
    return [...this.#in(bytes, but), ...unpacked(bytes).flatMap((inner) => this.#in(inner, but, "gunzipped "))];
  }

  #add<Value extends string | Buffer>(name: string, value: Value): Value {
    if (this.#values.has(name)) throw new Error(`${name} is planted already.`);
    this.#values.set(name, value);
    this.#needles = undefined;
    return value;
  }

  #in(bytes: Buffer, but: readonly string[], prefix = ""): Hit[] {
    this.#needles ??= new Needles(
      [...this.#values].flatMap(([name, value]) =>
        Object.entries(formsOf(value)).map(([form, text]) => ({ name, form, bytes: Buffer.from(text, "latin1") })),
      ),
    );
    return this.#needles
      .in(bytes)
      .filter(({ needle }) => !but.includes(needle.name))
      .map(({ needle: { name, form, bytes: found }, at }) => ({
        name,
        form: `${prefix}${form}`,
        around: bytes.toString("latin1", Math.max(0, at - 80), at + found.length + 40),
      }));
  }
}

interface Needle {
  name: string;
  form: string;
  bytes: Buffer;
}

/** Finds any of many texts in one walk over the bytes, so that whole data folders can be searched. */
class Needles {
  /** Which four bytes a needle begins with, by a hash of 20 bits. */
  readonly #begin = new Uint8Array(1 << 20);
  readonly #by = new Map<number, Needle[]>();

  constructor(needles: readonly Needle[]) {
    for (const needle of needles) {
      const spellings = needle.form === "hex" ? [needle.bytes, upper(needle.bytes)] : [needle.bytes];
      for (const bytes of spellings) {
        const start = bytes.readUInt32BE(0);
        this.#begin[hashed(start)] = 1;
        this.#by.set(start, [...(this.#by.get(start) ?? []), { ...needle, bytes }]);
      }
    }
  }

  /** The first place of each needle. */
  in(hay: Buffer): { needle: Needle; at: number }[] {
    const found = new Map<string, { needle: Needle; at: number }>();
    let four = 0;
    for (let end = 0; end < hay.length; end++) {
      four = ((four << 8) | (hay[end] as number)) >>> 0;
      if (end < 3 || this.#begin[hashed(four)] === 0) continue;
      for (const needle of this.#by.get(four) ?? []) {
        const at = end - 3;
        const id = `${needle.name} ${needle.form}`;
        if (!found.has(id) && needle.bytes.equals(hay.subarray(at, at + needle.bytes.length)))
          found.set(id, { needle, at });
      }
    }
    return [...found.values()];
  }
}

const hashed = (four: number): number => Math.imul(four, 0x9e3779b1) >>> 12;
const upper = (bytes: Buffer): Buffer => Buffer.from(bytes.toString("latin1").toUpperCase(), "latin1");

/** How a value looks after each encoding, as bytes in latin1; forms that are equal are left out. */
export function formsOf(value: string | Buffer): Record<string, string> {
  const bytes = Buffer.from(value as string, "utf8");
  const all: Record<string, string> = {
    raw: bytes.toString("latin1"),
    ...(typeof value === "string" ? formsOfText(value) : { "as JSON writes bytes": [...bytes].join(",") }),
    hex: bytes.toString("hex"),
    gzip: gzipSync(bytes).subarray(10, -8).toString("latin1"),
  };
  // Base64 of a text that holds the value somewhere: three alignments, without the characters the neighbours share.
  for (const before of [0, 1, 2]) {
    const whole = Buffer.concat([Buffer.alloc(before), bytes])
      .toString("base64")
      .replace(/=+$/, "");
    const inner = whole.slice(before === 0 ? 0 : before + 1, -2);
    all[`base64 at ${before}`] = inner;
    all[`base64url at ${before}`] = inner.replaceAll("+", "-").replaceAll("/", "_");
  }
  const seen = new Set<string>();
  return Object.fromEntries(
    Object.entries(all).filter(([, needle]) => needle.length >= 8 && !seen.has(needle) && seen.add(needle)),
  );
}

function formsOfText(value: string): Record<string, string> {
  const utf8 = (text: string) => Buffer.from(text, "utf8").toString("latin1");
  const json = utf8(JSON.stringify(value).slice(1, -1));
  return {
    json,
    "json twice": utf8(JSON.stringify(JSON.stringify(value).slice(1, -1)).slice(1, -1)),
    "json in ASCII": json.replace(/[\u0080-\uffff]/g, "") === json ? json : asciiJson(value),
    url: encodeURIComponent(value),
    form: new URLSearchParams({ v: value }).toString().slice(2),
    html: utf8(
      value.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;"),
    ),
    reversed: utf8([...value].reverse().join("")),
    utf16: Buffer.from(value, "utf16le").toString("latin1"),
    quoted: utf8(value).replaceAll('"', '""'),
  };
}

const asciiJson = (value: string) =>
  JSON.stringify(value)
    .slice(1, -1)
    .replace(/[\u0080-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);

/** What gzip members within the bytes hold. */
function unpacked(bytes: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let at = bytes.indexOf("1f8b08", 0, "hex"); at >= 0; at = bytes.indexOf("1f8b08", at + 1, "hex"))
    try {
      found.push(gunzipSync(bytes.subarray(at)));
    } catch {
      // Three bytes of something else.
    }
  return found;
}
