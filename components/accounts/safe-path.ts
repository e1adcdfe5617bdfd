/**
 * A path of this site to go back to after signing in; `/` for anything that could lead elsewhere (another host, a scheme, `//host`
 * also after its dots are resolved, a backslash, control characters) or back to the sign-in page itself.
 */
export function safePath(from: unknown): string {
  if (typeof from !== "string" || !/^\/(?![/\\])[^\\\p{Cc}]*$/u.test(from)) return "/";
  const base = "http://latchkey.invalid";
  if (!URL.canParse(from, base)) return "/";
  const url = new URL(from, base);
  // The one address under /api that a person opens: the start of an authorization, which asked for the sign-in.
  if (url.origin === base && /^\/api\/oauth\/authorize\/[0-9a-f]{24}$/u.test(url.pathname)) return url.pathname;
  if (url.origin !== base || /^\/(sign-in|setup|api|v2)(\/|$)/u.test(url.pathname)) return "/";
  // "/.//host" has become "//host" by now.
  return url.pathname.startsWith("//") ? "/" : url.pathname + url.search + url.hash;
}

/** The sign-in page that leads back to this path. */
export function signInPath(from: string): string {
  const back = safePath(from);
  return back === "/" ? "/sign-in" : `/sign-in?from=${encodeURIComponent(back)}`;
}
