/**
 * How a text may come back in an answer: as it is, or as something else wrote it down (FAULTS C12). Pure. What an answer does to
 * a value on purpose (encrypting it, one letter a request) cannot be listed; against that stands the list of allowed hosts.
 */

/** Fewer bytes than this cannot be told from chance, in any other writing than the plain one. */
const LEAST_ENCODED = 6;

/** Every listed writing of `value`, each once, as bytes. */
export function encodingsOf(value: string): Buffer[] {
  const bytes = Buffer.from(value, "utf8");
  const plain = [bytes, Buffer.from(value, "latin1")];
  const encoded = [
    ...texts(value).map((text) => Buffer.from(text, "utf8")),
    ...ofBytes(bytes).map((text) => Buffer.from(text, "latin1")),
    Buffer.from(value, "utf16le"),
    Buffer.from(value, "utf16le").swap16(),
  ].filter((form) => form.length >= LEAST_ENCODED);
  const seen = new Set<string>();
  return [...plain, ...encoded].filter((form) => {
    const key = form.toString("latin1");
    return !seen.has(key) && seen.add(key);
  });
}

function texts(value: string): string[] {
  const json = JSON.stringify(value).slice(1, -1);
  const url = encodeURIComponent(value);
  const strict = url.replace(/[!'()*]/g, (c) => percent(c.charCodeAt(0)));
  const percents = [
    url,
    strict,
    new URLSearchParams({ v: value }).toString().slice(2),
    each(Buffer.from(value), percent),
  ];
  return [
    ...percents,
    ...percents.map(lowerEscapes),
    encodeURIComponent(url),
    json,
    json.replaceAll("/", "\\/"),
    JSON.stringify(json).slice(1, -1),
    // As Go, Rails, PHP and .NET write what HTML might mistake for its own.
    ...both(json.replace(/[<>&]/g, unicode)),
    ...both(json.replace(/\\"|[<>&'+`]/g, (c) => unicode(c.at(-1) as string))),
    ...both(ascii(json)),
    ...both(ascii(json).replaceAll("/", "\\/")),
    ...both(Array.from(value, (c) => units(c).map(unit).join("")).join("")),
    ...["&#39;", "&#x27;", "&#039;", "&apos;", "'"].map((quote) => html(value, quote)),
    html(value, "&#39;").replaceAll("&quot;", "&#34;").replaceAll("+", "&#43;"),
    html(value, "&#x27;").replaceAll("/", "&#x2F;").replaceAll("`", "&#x60;").replaceAll("=", "&#x3D;"),
    Array.from(value, (c) => `&#${c.codePointAt(0)};`).join(""),
    Array.from(value, (c) => `&#x${c.codePointAt(0)?.toString(16)};`).join(""),
    Array.from(value, (c) => `&#x${c.codePointAt(0)?.toString(16).toUpperCase()};`).join(""),
    value.replaceAll('"', '""'),
    [...value].reverse().join(""),
  ];
}

function ofBytes(bytes: Buffer): string[] {
  const hex = bytes.toString("hex");
  return [
    hex,
    hex.toUpperCase(),
    each(bytes, (byte) => `\\x${pair(byte)}`),
    each(bytes, (byte) => `\\x${pair(byte).toUpperCase()}`),
    [...bytes].join(","),
    [...bytes].join(", "),
    ...[0, 1, 2].flatMap((before) => {
      const text = insideBase64(bytes, before);
      return [text, text.replaceAll("+", "-").replaceAll("/", "_")];
    }),
  ];
}

/** Of the base64 of a text that holds the bytes somewhere after `before` others (mod 3): the characters that are theirs alone. */
function insideBase64(bytes: Buffer, before: number): string {
  const whole = Buffer.concat([Buffer.alloc(before), bytes]).toString("base64");
  return whole.slice(Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6));
}

const pair = (byte: number): string => byte.toString(16).padStart(2, "0");
const percent = (byte: number): string => `%${pair(byte).toUpperCase()}`;
const each = (bytes: Buffer, write: (byte: number) => string): string => {
  let text = "";
  for (const byte of bytes) text += write(byte);
  return text;
};
const lowerEscapes = (text: string): string => text.replace(/%[0-9A-F]{2}/g, (one) => one.toLowerCase());

const unit = (code: number): string => `\\u${code.toString(16).padStart(4, "0")}`;
const units = (text: string): number[] => Array.from({ length: text.length }, (_, i) => text.charCodeAt(i));
const unicode = (character: string): string => units(character).map(unit).join("");
const ascii = (json: string): string => json.replace(/[\u0080-\uffff]/g, unicode);
/** With the escapes' letters small and large. */
const both = (text: string): string[] => [
  text,
  text.replace(/\\u[0-9a-f]{4}/g, (one) => `\\u${one.slice(2).toUpperCase()}`),
];

const html = (text: string, quote: string): string =>
  text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", quote);
