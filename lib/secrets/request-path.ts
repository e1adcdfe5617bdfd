/** Paths of requests as an allow-list compares them (SECURITY PX-1). Pure. */

const MOST_DECODINGS = 5;
/** An entry's path has no more. */
export const MOST_SEGMENTS = 10;
/** A segment that every reader reads alike: nothing encoded, nothing that means something else to some. */
const PLAIN_SEGMENT = /^[\w.~+=:-]+$/;

/**
 * Whether a path leads upwards for anybody who reads it generously: decoded as often as it can be, `\` taken for `/`, and what follows a
 * `;` in a segment left out.
 */
export function climbs(path: string): boolean {
  let text = path;
  for (let i = 0; i < MOST_DECODINGS; i++) {
    if (text.split(/[/\\]/).some((segment) => /^\.{1,2}(;|$)/.test(segment))) return true;
    const next = text.replace(/%([0-7][0-9a-f])/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
    if (next === text) return false;
    text = next;
  }
  return true;
}

/**
 * The beginnings of a URL's path that an entry may name: none at all first, then each segment more, as `/v1/`, `/v1/me/`. Only none of a path
 * that could lead upwards.
 */
export function beginningsOf(pathname: string): string[] {
  const found = [""];
  if (climbs(pathname)) return found;
  let path = "/";
  for (const segment of pathname.split("/").slice(1, MOST_SEGMENTS + 1)) {
    if (!PLAIN_SEGMENT.test(segment)) break;
    path += `${segment}/`;
    found.push(path);
  }
  return found;
}

/** An entry's path in its one spelling (`/v1/`; nothing for `/`), or what is wrong with it. */
export function readPath(text: string): { path: string } | { complaint: string } {
  const bare = text.replace(/^\/|\/$/g, "");
  if (bare === "") return { path: "" };
  const segments = bare.split("/");
  if (segments.length > MOST_SEGMENTS) return { complaint: `must have ${MOST_SEGMENTS} parts of a path at most` };
  if (bare.includes("*"))
    return { complaint: "must not have * in its path, which is a beginning already: /v1/ is everything under it" };
  if (segments.some((segment) => /^\.{1,2}$/.test(segment) || !PLAIN_SEGMENT.test(segment)))
    return { complaint: "must have a path of plain letters and digits such as /v1/users/, without .., %, ? or #" };
  return { path: `/${segments.join("/")}/` };
}
