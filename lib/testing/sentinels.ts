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
  readonly #values = new Map<string, string>();
  #forms: { name: string; form: string; needle: string }[] | undefined;

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

  get names(): string[] {
    return [...this.#values.keys()];
  }

  valueOf(name: string): string {
    const value = this.#values.get(name);
    if (value === undefined) throw new Error(`${name} was not planted.`);
    return value;
  }

  /** Every place where a planted value, in any form, stands in `hay`; names in `but` are allowed there. */
  find(hay: string | Uint8Array, but: readonly string[] = []): Hit[] {
    const bytes = typeof hay === "string" ? Buffer.from(hay, "utf8") : Buffer.from(hay);
    return [...this.#in(bytes, but), ...unpacked(bytes).flatMap((inner) => this.#in(inner, but, "gunzipped "))];
  }

  #add(name: string, value: string): string {
    if (this.#values.has(name)) throw new Error(`${name} is planted already.`);
    this.#values.set(name, value);
    this.#forms = undefined;
    return value;
  }

  #in(bytes: Buffer, but: readonly string[], prefix = ""): Hit[] {
    const text = bytes.toString("latin1");
    const lower = text.toLowerCase();
    const hits: Hit[] = [];
    for (const { name, form, needle } of this.#allForms()) {
      if (but.includes(name)) continue;
      const at = form === "hex" ? lower.indexOf(needle) : text.indexOf(needle);
      if (at >= 0)
        hits.push({
          name,
          form: `${prefix}${form}`,
          around: text.slice(Math.max(0, at - 80), at + needle.length + 40),
        });
    }
    return hits;
  }

  #allForms() {
    this.#forms ??= [...this.#values].flatMap(([name, value]) =>
      Object.entries(formsOf(value)).map(([form, needle]) => ({ name, form, needle })),
    );
    return this.#forms;
  }
}

/** How a value looks after each encoding, as bytes in latin1; forms that are equal are left out. */
export function formsOf(value: string): Record<string, string> {
  const bytes = Buffer.from(value, "utf8");
  const raw = bytes.toString("latin1");
  const utf8 = (text: string) => Buffer.from(text, "utf8").toString("latin1");
  const json = utf8(JSON.stringify(value).slice(1, -1));
  const all: Record<string, string> = {
    raw,
    json,
    "json twice": utf8(JSON.stringify(JSON.stringify(value).slice(1, -1)).slice(1, -1)),
    "json in ASCII": json.replace(/[\u0080-\uffff]/g, "") === json ? json : asciiJson(value),
    url: encodeURIComponent(value),
    form: new URLSearchParams({ v: value }).toString().slice(2),
    html: utf8(
      value.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;"),
    ),
    hex: bytes.toString("hex"),
    gzip: gzipSync(bytes).subarray(10, -8).toString("latin1"),
    reversed: [...value].reverse().join(""),
    utf16: Buffer.from(value, "utf16le").toString("latin1"),
    quoted: raw.replaceAll('"', '""'),
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
