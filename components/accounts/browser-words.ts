/** "Firefox on Linux" from a user agent; "Unknown browser" when nothing is recognised. A hint for the eye only. */
export function browserWords(userAgent: string | null | undefined): string {
  const text = userAgent ?? "";
  const browser =
    [
      [/Edg\//u, "Edge"],
      [/OPR\//u, "Opera"],
      [/Firefox\//u, "Firefox"],
      [/(?:Headless)?Chrome\//u, "Chrome"],
      [/Safari\//u, "Safari"],
      [/curl\//u, "curl"],
    ].find(([pattern]) => (pattern as RegExp).test(text))?.[1] ?? "Unknown browser";
  const system = [
    [/iPhone|iPad/u, "iOS"],
    [/Android/u, "Android"],
    [/Mac OS X|Macintosh/u, "macOS"],
    [/Windows/u, "Windows"],
    [/Linux/u, "Linux"],
  ].find(([pattern]) => (pattern as RegExp).test(text))?.[1];
  return system ? `${browser} on ${system}` : String(browser);
}
