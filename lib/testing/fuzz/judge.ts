import { INSIDE } from "@/lib/testing/inside";

export interface Seen {
  status: number;
  contentType: string;
  text: string;
}

/** Pages and browser legs, which answer people. */
const FOR_PEOPLE = /^\/api\/(auth|oauth)\//;
/** Their 503 is what they are asked for. */
const MAY_BE_UNAVAILABLE = new Set(["/readyz"]);

/**
 * What is wrong with an answer, whatever was asked: a 5xx, a text of our inside, an error that is no JSON:API errors document.
 *
 * @returns null: nothing
 */
export function wrongWith(method: string, path: string, { status, contentType, text }: Seen): string | null {
  if (status >= 500 && !(status === 503 && MAY_BE_UNAVAILABLE.has(path))) return `a ${status}`;
  if (path !== "/metrics" && INSIDE.test(text)) return `a text of our inside: ${INSIDE.exec(text)?.[0]}`;
  if (status < 400) return status < 200 ? `the status ${status}` : null;
  // Whoever asks so is sent no body.
  if (method === "HEAD") return text === "" ? null : "a body";
  if (FOR_PEOPLE.test(path) || MAY_BE_UNAVAILABLE.has(path)) return null;
  if (!contentType.startsWith("application/json")) return `an error of type ${contentType}`;
  return wrongWithErrors(text, status);
}

const KNOWN = new Set(["id", "status", "code", "title", "detail", "source", "meta"]);

function wrongWithErrors(text: string, status: number): string | null {
  let document: { errors?: Record<string, unknown>[] };
  try {
    document = JSON.parse(text) as typeof document;
  } catch {
    return "an error that is not JSON";
  }
  if (Object.keys(document).join() !== "errors" || !Array.isArray(document.errors) || document.errors.length === 0)
    return "an error without errors";
  for (const error of document.errors) {
    for (const member of ["id", "status", "code", "title", "detail"])
      if (typeof error[member] !== "string" || error[member] === "") return `an error without ${member}`;
    if (error.status !== String(status)) return `an error that says ${error.status} in an answer ${status}`;
    if (!/^[a-z_]+$/.test(error.code as string)) return `the code ${error.code}`;
    const strange = Object.keys(error).find((key) => !KNOWN.has(key));
    if (strange) return `an error with ${strange}`;
    const source = error.source as Record<string, unknown> | undefined;
    if (
      source !== undefined &&
      Object.entries(source).some(
        ([key, value]) => !/^(pointer|parameter|header)$/.test(key) || typeof value !== "string",
      )
    )
      return "an error with a strange source";
  }
  return null;
}
