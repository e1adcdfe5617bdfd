import { climbs } from "@/lib/secrets/request-path";
import { filled, hasTemplate, type Piece, type Reference, readTemplate } from "./template";
import { urlComplaint } from "./url-complaint";

/**
 * A request with references to secrets in its URL, its header values and the strings of its JSON body (SECURITY TP-2): where they stand,
 * and how a value is written there. Pure.
 */

/** What is looked at of a request. */
export interface Templated {
  url: string;
  headers: Readonly<Record<string, string>>;
  body?: string;
  /** False: braces are braces. */
  templates: boolean;
}

/** What is sent: nothing in it is looked at again. */
export interface Filled {
  url: URL;
  headers: Record<string, string>;
  body: string | undefined;
}

/** A reference with the JSON pointer's path of where it stands. */
export interface Placed extends Reference {
  path: readonly string[];
}

/** Of one request. */
const MOST_REFERENCES = 50;
/** What stands for a reference while its value is not known: no path on an allow-list can be written so. */
const OPAQUE = "%7B%7B%7D%7D";
/** Scheme and authority, whole. */
const ORIGIN = /^https?:\/\/[^/?#\\]+(?=[/?])/i;
/** A string in a JSON text that is known to be one. */
const JSON_STRING = /"[^"\\]*(?:\\.[^"\\]*)*"/g;

/** What is wrong with the references of a request, each with its path. */
export function templateComplaints(request: Templated): { path: string[]; message: string }[] {
  const found: { path: string[]; message: string }[] = [];
  let count = 0;
  const look = (path: string[], text: string): readonly Piece[] | null => {
    const read = readTemplate(text);
    if ("complaint" in read) {
      if (!found.some(({ path: known }) => known.join("/") === path.join("/")))
        found.push({ path, message: read.complaint });
      return null;
    }
    count += referencesIn(read).length;
    return read;
  };
  const url = request.templates && hasTemplate(request.url) ? look(["url"], request.url) : [request.url];
  const message = url && urlTemplateComplaint(url);
  if (message) found.push({ path: ["url"], message });
  if (!request.templates) return found;
  for (const [name, value] of Object.entries(request.headers)) look(["headers", name], value);
  for (const text of templatesInJson(request)) look(["body"], text);
  if (count > MOST_REFERENCES) found.push({ path: [], message: `must have ${MOST_REFERENCES} references at most` });
  return found;
}

function urlTemplateComplaint(pieces: readonly Piece[]): string | null {
  const complaint = urlComplaint(filled(pieces, () => OPAQUE));
  if (complaint || referencesIn(pieces).length === 0) return complaint;
  const before = filled(pieces, () => "{{").split("{{", 1)[0] ?? "";
  if (!ORIGIN.test(before)) return "may have references in its path and query only: the host decides who gets a secret";
  const last = pieces.findLastIndex((piece) => typeof piece !== "string");
  return filled(pieces.slice(0, last), () => "").includes("#")
    ? "may have references in its path and query only"
    : null;
}

/** The strings of a JSON body that have references, as they read. */
function templatesInJson(request: Templated): string[] {
  const { body } = request;
  if (body === undefined || !isJsonBody(request, body)) return [];
  return (body.match(JSON_STRING) ?? []).map((literal) => JSON.parse(literal) as string).filter(hasTemplate);
}

/** JSON by its Content-Type, or by its looks where it has none. */
function isJsonBody({ headers }: Templated, body: string): boolean {
  // A brace may be written \u007b.
  if (!/\{\{|\\u007b/i.test(body)) return false;
  const type = Object.entries(headers).find(([name]) => name.toLowerCase() === "content-type")?.[1];
  if (type !== undefined && !/^\s*[\w.+-]+\/([\w.+-]+\+)?json\s*(;|$)/i.test(type)) return false;
  try {
    JSON.parse(body);
    return true;
  } catch {
    return false;
  }
}

const referencesIn = (pieces: readonly Piece[]): Reference[] => pieces.filter((piece) => typeof piece !== "string");

/** A request without complaints, ready for values. */
export class TemplatedRequest {
  /** Each reference as often as it stands there. */
  readonly references: readonly Placed[];
  /** Where the request goes; what references of its path stand for decides nothing about that. */
  readonly url: URL;
  /** For looking at the names: values that have references are empty. */
  readonly plainHeaders: Readonly<Record<string, string>>;
  readonly #request: Templated;

  constructor(request: Templated) {
    this.#request = request;
    const found = (path: string[], text: string) => referencesIn(this.#pieces(text)).map((one) => ({ ...one, path }));
    this.references = [
      ...found(["url"], request.url),
      ...Object.entries(request.headers).flatMap(([name, value]) => found(["headers", name], value)),
      ...(request.templates ? templatesInJson(request).flatMap((text) => found(["body"], text)) : []),
    ];
    this.url = new URL(filled(this.#pieces(request.url), () => OPAQUE));
    this.plainHeaders = mapped(request.headers, (value) => (referencesIn(this.#pieces(value)).length > 0 ? "" : value));
  }

  #pieces(text: string): readonly Piece[] {
    if (!this.#request.templates || !hasTemplate(text)) return [text];
    const read = readTemplate(text);
    if ("complaint" in read) throw new Error("a request with complaints is not filled");
    return read;
  }

  /**
   * The request with values in it: percent-encoded in the URL, as they are in header values (which are judged afterwards), as part of the
   * string in JSON.
   *
   * @returns null when a value would lead to another place of the destination (`..` in the path), or cannot be written in a URL
   */
  fill(valueFor: (reference: Reference) => string): Filled | null {
    const { url, headers, body } = this.#request;
    const to = this.#filledUrl(url, valueFor);
    if (to === null) return null;
    const plain = body === undefined || this.references.every(({ path }) => path[0] !== "body");
    return {
      url: to,
      headers: mapped(headers, (value) => filled(this.#pieces(value), valueFor)),
      body: plain
        ? body
        : body.replace(JSON_STRING, (literal) => {
            const text = JSON.parse(literal) as string;
            return hasTemplate(text) ? JSON.stringify(filled(this.#pieces(text), valueFor)) : literal;
          }),
    };
  }

  #filledUrl(url: string, valueFor: (reference: Reference) => string): URL | null {
    const pieces = this.#pieces(url);
    if (pieces.length === 1 && pieces[0] === url) return this.url;
    try {
      const text = filled(pieces, (reference) => percentEncoded(valueFor(reference)));
      const path = text.replace(ORIGIN, "").split(/[?#]/, 1)[0] ?? "";
      return climbs(path) ? null : new URL(text);
    } catch (error) {
      // Half a surrogate pair.
      if (error instanceof URIError) return null;
      throw error;
    }
  }
}

function percentEncoded(value: string): string {
  return encodeURIComponent(value).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

function mapped(headers: Readonly<Record<string, string>>, change: (value: string) => string): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, change(value)]));
}
