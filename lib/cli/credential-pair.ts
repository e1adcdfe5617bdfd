import { type LatchkeySteps, UnknownSecretError } from "@/lib/sdk";
import { UsageError } from "./usage-error";

export interface Pair {
  username: string;
  password: string;
}

/** GitHub and GitLab take a token as the password of this user; for others the user is said with `--username`. */
export const TOKEN_USER = "oauth2";

/**
 * A secret as user name and password, for tools that know nothing else: `basic` as it is, a `password` or an access token as the password
 * of `username`.
 *
 * @param username for types without one
 * @throws UsageError for a type that is neither
 */
export async function pairOf({ secrets }: LatchkeySteps, name: string, username: string): Promise<Pair> {
  const headers = await secrets.getHeaders(name);
  const [, scheme, value = ""] = /^(\w+) (.*)$/s.exec(headers.authorization ?? "") ?? [];
  if (scheme === "Bearer") return { username, password: value };
  if (scheme !== "Basic") throw new UsageError(`“${name}” is neither a user name with a password nor a token.`);
  const text = Buffer.from(value, "base64").toString("utf8");
  const colon = text.indexOf(":");
  return { username: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** @throws UsageError for what the lines of `whose` format cannot hold */
export function oneLine(text: string, whose: string): string {
  if (/[\r\n\0]/.test(text)) throw new UsageError(`The value has more than one line, which ${whose} cannot be given.`);
  return text;
}

/** Whether no secret has the name that was looked for. */
export const isUnknownName = (error: unknown): boolean => error instanceof UnknownSecretError;
