import type { Random } from "@/lib/testing/simulation/random";

/** Bytes of a body, and whether any answer of success to them would be wrong. */
export interface SentBody {
  bytes: Buffer;
  contentType: string | null;
  /** Never to be accepted where a JSON body is read. */
  wrong: boolean;
}

const JSON_TYPES = [
  "application/json",
  "application/vnd.api+json",
  "application/json; charset=utf-8",
  "APPLICATION/JSON",
];
const OTHER_TYPES = [
  "text/plain",
  "application/x-www-form-urlencoded",
  "multipart/form-data; boundary=x",
  "text/html",
  "application/xml",
  "*/*",
  "",
  ";",
  "application/jsonx",
  "json",
];

/** The value as a client sends it. */
export function wellSent(value: unknown, random: Random): SentBody {
  return { bytes: Buffer.from(JSON.stringify(value)), contentType: random.pick(JSON_TYPES), wrong: false };
}

/** The value, or something instead of it, as no JSON document of our kind. */
export function badlySent(value: unknown, random: Random): SentBody {
  const text = JSON.stringify(value) ?? "null";
  const good = random.pick(JSON_TYPES);
  const broken = (bytes: Buffer | string): SentBody => ({
    bytes: Buffer.from(bytes as string),
    contentType: good,
    wrong: true,
  });
  return random.pick<() => SentBody>([
    () => ({ bytes: Buffer.from(text), contentType: random.pick(OTHER_TYPES), wrong: true }),
    () => ({ bytes: Buffer.from(text), contentType: null, wrong: true }),
    () => broken(""),
    () => broken(text.slice(0, random.between(0, Math.max(0, text.length - 1)))),
    () => broken(`${text}${random.pick(["}", ",", "x", "{}", "\u0000"])}`),
    () => broken(`\ufeff${text.slice(0, -1)}`),
    () => broken(Buffer.concat([Buffer.from(text.slice(0, -1)), Buffer.from([0xff, 0xfe, 0xc0, 0x80])])),
    () => broken(Buffer.concat([Buffer.from('{"data":"'), Buffer.from([0xed, 0xa0, 0x80]), Buffer.from('"}')])),
    () => broken(Buffer.from(text, "utf16le")),
    () => broken(Buffer.from(Array.from({ length: random.skewed(1, 600) }, () => random.between(0, 255)))),
    () => broken(`${text.slice(0, -1)}${text === "{}" ? "" : ","}"__proto__":{"admin":true}}`),
    () => broken(`${text.slice(0, -1)}${text === "{}" ? "" : ","}"constructor":{"prototype":{"x":1}}}`),
    () => broken(`${text.slice(0, -1)}${text === "{}" ? "" : ","}"a":"\\ud800"}`),
    () => broken(`${text.slice(0, -1)}${text === "{}" ? "" : ","}"a\\u0000b":1}`),
    () => broken("[".repeat(random.pick([33, 5_000, 100_000]))),
    () => broken('{"a":'.repeat(2_000)),
    () => broken(`{"data":${"9".repeat(random.pick([400, 20_000]))}}`),
    () => broken('{"data":1e99999,"x":-0}'),
    () => broken(`{"data":"${"x".repeat(1024 * 1024)}"}`),
    () =>
      broken(random.pick(["null", "[]", '"text"', "5", "true", "{}x", "NaN", "undefined", "'{}'", "{a:1}", "//\n{}"])),
    // Said twice: the last one counts, so this one is no object.
    () => broken(`{"data":{},"data":5}`),
  ])();
}
