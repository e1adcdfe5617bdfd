/**
 * `{{ name.field }}` in a text: the name of a secret and one of its fields (SECURITY TP-1). A name that has other characters than letters,
 * digits, `_` and `-` stands in quotes, where `\"` and `\\` mean `"` and `\`: `{{ "My API (prod)".password }}`. That is the whole
 * grammar. Nothing is computed, what a reference stands for is not read again, and braces that are no reference are refused. Pure.
 */

/** One reference, as it was written and as it was read. */
export interface Reference {
  text: string;
  name: string;
  field: string;
}

/** Text as it is, and references, in order. */
export type Piece = string | Reference;

const WORD = String.raw`[\p{L}\p{N}_-]{1,256}`;
const QUOTED = String.raw`"(?:[^"\\\p{Cc}]|\\["\\]){1,400}"`;
const REFERENCE = new RegExp(String.raw`\{\{ *(${WORD}|${QUOTED})\.(${WORD}|${QUOTED}) *\}\}`, "uy");
/** Members that objects have without anybody having put them there. */
const NEVER = new Set(["__proto__", "constructor", "prototype"]);

/** Whether the text has the beginning of a reference. */
export function hasTemplate(text: string): boolean {
  return text.includes("{{");
}

/** The pieces of a text, or what is wrong with it. */
export function readTemplate(text: string): Piece[] | { complaint: string } {
  const pieces: Piece[] = [];
  let at = 0;
  for (;;) {
    const start = text.indexOf("{{", at);
    if (start < 0) break;
    REFERENCE.lastIndex = start;
    const [whole, name, field] = REFERENCE.exec(text) ?? [];
    if (whole === undefined || name === undefined || field === undefined)
      return {
        complaint: `has {{ that begins no reference such as {{ name.field }} or {{ "a name".field }}; "templates": false sends it as it is`,
      };
    const reference = { text: whole, name: unquoted(name), field: unquoted(field) };
    if (NEVER.has(reference.name) || NEVER.has(reference.field))
      return { complaint: "has a reference to what no secret holds" };
    if (start > at) pieces.push(text.slice(at, start));
    pieces.push(reference);
    at = start + whole.length;
  }
  if (at < text.length) pieces.push(text.slice(at));
  return pieces;
}

/** The text with each reference replaced by what `valueFor` says of it, once. */
export function filled(pieces: readonly Piece[], valueFor: (reference: Reference) => string): string {
  return pieces.map((piece) => (typeof piece === "string" ? piece : valueFor(piece))).join("");
}

function unquoted(word: string): string {
  return word.startsWith('"') ? word.slice(1, -1).replace(/\\(["\\])/g, "$1") : word;
}
