import { expect, test } from "vitest";
import { filled, type Piece, readTemplate } from "@/lib/secret-use/template";
import { TemplatedRequest, templateComplaints } from "@/lib/secret-use/templated-request";
import { Random } from "@/lib/testing/simulation/random";

/**
 * TP-1: texts made of what the grammar is made of, right, broken and odd. Part of `npm test` with 20,000; `npm run test:fuzz --
 * --requests N --seed S` asks more, or the same again.
 */
const texts = Number(process.env.LATCHKEY_FUZZ_REQUESTS ?? 20_000);
const seed = Number(process.env.LATCHKEY_FUZZ_SEED ?? 15);

const BITS = [
  "{{",
  "}}",
  "{",
  "}",
  " ",
  "  ",
  ".",
  "..",
  "/",
  "?",
  "#",
  "\\",
  '"',
  '\\"',
  "\\\\",
  "\\u007b",
  "\\u005f",
  "a",
  "name",
  "field",
  "my key",
  "ü",
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "()",
  "[0]",
  "+",
  "|",
  "<%= x %>",
  "%7b%7b",
  "\n",
  "\r",
  "\0",
  "\u200b",
  "{{ a.b }}",
  '{{ "a b".c }}',
  "{{a.b}}",
  "{{ a . b }}",
  "{{ a.b.c }}",
  "{{ {{ a.b }} }}",
  "\ud800",
] as const;
/** Names and fields, right and wrong. */
const WORDS = [
  "a",
  "Name-1",
  "ü",
  '"a b"',
  '"a.\\"b"',
  "__proto__",
  '"__proto__"',
  "constructor",
  "prototype",
  "a b",
  "a()",
  "\\u0061",
  "",
];
const VALUES = ["plain", "{{ a.b }}", "..", "/../x", '"', "\r\nx: y", "&c=d#", "ü", "%2e%2e", "", "$&$1"] as const;

/** One piece of a text: any, or what has the looks of a reference. */
const bit = (random: Random): string =>
  random.chance(0.3) ? `{{ ${random.pick(WORDS)}.${random.pick(WORDS)} }}` : random.pick(BITS);

const isReference = (piece: Piece) => typeof piece !== "string";

test(`${texts} texts from seed ${seed}: read as the grammar says or refused, and values are never read`, {
  timeout: 60_000 + texts,
}, () => {
  const random = new Random(seed);
  const seen = { plain: 0, references: 0, refused: 0 };
  for (let i = 0; i < texts; i++) {
    const text = Array.from({ length: random.between(1, 9) }, () => bit(random)).join("");
    const read = readTemplate(text);
    if ("complaint" in read) {
      seen.refused += 1;
      expect(text).toContain("{{");
      continue;
    }
    seen[read.some(isReference) ? "references" : "plain"] += 1;
    // Nothing is lost, and no braces are left that begin anything.
    expect(filled(read, ({ text: written }) => written)).toBe(text);
    for (const piece of read) {
      if (typeof piece === "string") {
        expect(piece).not.toContain("{{");
        continue;
      }
      expect(piece.text).toMatch(/^\{\{.*\}\}$/su);
      expect(["__proto__", "constructor", "prototype"]).not.toContain(piece.name);
      expect(["__proto__", "constructor", "prototype"]).not.toContain(piece.field);
    }
    const value = random.pick(VALUES);
    expect(filled(read, () => value)).toBe(read.map((piece) => (typeof piece === "string" ? piece : value)).join(""));
  }
  if (texts >= 5_000) for (const count of Object.values(seen)) expect(count).toBeGreaterThan(texts / 200);
});

test(`${texts} requests from seed ${seed}: no value leads anywhere else, ends a header or leaves its JSON string`, {
  timeout: 60_000 + texts * 2,
}, () => {
  const random = new Random(seed + 1);
  const some = () => Array.from({ length: random.between(0, 4) }, () => bit(random)).join("");
  let sent = 0;
  for (let i = 0; i < texts; i++) {
    const member = some();
    const request = {
      url: `https://api.example.com/v1/${random.chance(0.5) ? "{{ a.b }}" : some()}${random.chance(0.3) ? "?q={{ a.b }}" : ""}`,
      headers: { "x-one": some() },
      body: JSON.stringify({ member, kept: 1 }),
      templates: true,
    };
    if (templateComplaints(request).length > 0) continue;
    const value = random.pick(VALUES);
    const template = new TemplatedRequest(request);
    const filling = template.fill(() => value);
    if (!filling) continue;
    sent += 1;
    expect(filling.url.origin).toBe("https://api.example.com");
    expect(filling.url.pathname.split("/")).toHaveLength(template.url.pathname.split("/").length);
    // Pairs by what parts them: an empty value leaves an empty pair, which `searchParams` does not count.
    expect(filling.url.href.split(/[?&#]/)).toHaveLength(template.url.href.split(/[?&#]/).length);
    const body = JSON.parse(filling.body ?? "");
    expect(Object.keys(body)).toEqual(["member", "kept"]);
    const read = readTemplate(member);
    if (!("complaint" in read)) expect(body.member).toBe(filled(read, () => value));
  }
  if (texts >= 5_000) expect(sent).toBeGreaterThan(texts / 20);
});
