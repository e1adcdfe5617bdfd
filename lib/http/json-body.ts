import { AppError } from "@/lib/errors";
import { pointer } from "./json-api";
import { arrivedBody, piecesOf } from "./node-request";

/** Limits checked before any business code sees a body (DO-1, DO-2). */
const MAX_BYTES = 1024 * 1024;
const MAX_DEPTH = 32;
const MAX_MEMBERS = 1000;
const FORBIDDEN_KEYS = new Set(["__proto__", "constructor", "prototype"]);

/**
 * Reads a JSON body. Undefined when it is empty.
 *
 * @throws AppError too_large, unsupported_media_type, invalid_json, invalid_attribute
 */
export async function readJsonBody(request: Request): Promise<unknown> {
  const bytes = await readBytes(request);
  if (bytes.byteLength === 0) return undefined;
  if (!/^application\/(vnd\.api\+)?json\b/i.test(request.headers.get("content-type") ?? ""))
    throw new AppError("unsupported_media_type", "Send the body as application/json.", {
      source: { header: "Content-Type" },
    });
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new AppError("invalid_json", "The body is not valid UTF-8.", { cause });
  }
  checkNesting(text);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new AppError("invalid_json", `The body is not valid JSON${whereOf(error, text)}.`);
  }
  checkValue(value, [], { members: 0 });
  return value;
}

async function readBytes(request: Request): Promise<Uint8Array> {
  const tooLarge = () => new AppError("too_large", "The body is larger than 1 MB.");
  const announced = Number(request.headers.get("content-length") ?? 0);
  if (announced > MAX_BYTES) throw tooLarge();
  const arrived = announced > 0 ? arrivedBody(request, announced) : null;
  if (arrived) return arrived;
  const pieces = piecesOf(request);
  if (!pieces) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of pieces) {
      size += chunk.byteLength;
      if (size > MAX_BYTES) throw tooLarge();
      chunks.push(chunk);
    }
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    // Whoever sent it went away or took too long: no fault of ours, and nobody is there to read this.
    throw new AppError("bad_request", "The body did not arrive whole.", { cause });
  }
  return Buffer.concat(chunks);
}

/** Before JSON.parse, because what it accepts at depth 100,000 breaks everything after it. Strings are skipped. */
function checkNesting(text: string): void {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 34) {
      for (i++; i < text.length && text.charCodeAt(i) !== 34; i++) if (text.charCodeAt(i) === 92) i++;
    } else if (c === 123 || c === 91) {
      if (++depth > MAX_DEPTH) throw new AppError("invalid_json", `The body nests deeper than ${MAX_DEPTH} levels.`);
    } else if (c === 125 || c === 93) depth--;
  }
}

function checkValue(value: unknown, path: PropertyKey[], count: { members: number }): void {
  if (typeof value === "string") requireStorable(value, path);
  if (typeof value !== "object" || value === null) return;
  for (const [key, member] of Object.entries(value)) {
    if (++count.members > MAX_MEMBERS)
      throw new AppError("invalid_json", `The body has more than ${MAX_MEMBERS} members and items.`);
    if (FORBIDDEN_KEYS.has(key) || key.includes("\0") || !key.isWellFormed())
      throw new AppError("invalid_attribute", "A member of this name is not accepted.", {
        source: { pointer: pointer([...path, key.replaceAll("\0", "").toWellFormed()]) },
      });
    checkValue(member, [...path, key], count);
  }
}

/** What could not be stored as it is and would come back as another text. */
function requireStorable(text: string, path: PropertyKey[]): void {
  const wrong = text.includes("\0")
    ? "Text cannot hold the character NUL."
    : text.isWellFormed()
      ? null
      : "Text cannot hold half a character (a surrogate without its other half).";
  if (wrong) throw new AppError("invalid_attribute", wrong, { source: { pointer: pointer(path) } });
}

/** Line and column only; the parser's own message may quote the body, and the body may be a secret. */
function whereOf(error: unknown, text: string): string {
  const position = error instanceof SyntaxError ? /position (\d+)/.exec(error.message)?.[1] : undefined;
  if (position === undefined) return "";
  const before = text.slice(0, Number(position));
  const line = before.split("\n").length;
  return ` (line ${line}, column ${before.length - before.lastIndexOf("\n")})`;
}
