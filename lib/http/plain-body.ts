/**
 * The text an answer was made of, kept beside it: reading it back out of a `Response` costs a stream and a third of the
 * whole way through node-entry. Next's way never looks here; both send the same bytes.
 */
const BODIES = new WeakMap<Response, string>();

/** Remembers the text `response` was made of. Answers `response`. */
export function withPlainBody(response: Response, text: string): Response {
  BODIES.set(response, text);
  return response;
}

/** The text given to `withPlainBody`, if any. */
export function plainBodyOf(response: Response): string | undefined {
  return BODIES.get(response);
}
