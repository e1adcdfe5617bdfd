/** What is wrong with the form of a URL to call, or null. */
export function urlComplaint(text: string): string | null {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (/[\u0000-\u0020\u007f]/.test(text)) return "must not contain spaces or control characters";
  if (!URL.canParse(text)) return "must be a URL such as https://api.example.com/v1/me";
  const { protocol, username, password } = new URL(text);
  if (protocol !== "https:" && protocol !== "http:") return "must begin with https://";
  return username !== "" || password !== "" ? "must not contain a user name or password" : null;
}
