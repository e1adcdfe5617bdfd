import type { LatchkeySteps } from "@/lib/sdk";
import { UsageError } from "./usage-error";

export interface Pair {
  username: string;
  password: string;
}

/**
 * A secret as user name and password, for tools that know nothing else: `basic` as it is, a `password` or an access token as the password
 * of `username`.
 *
 * @param username for types without one
 * @throws UsageError for a type that is neither
 */
export async function pairOf({ secrets }: LatchkeySteps, name: string, username: string): Promise<Pair> {
  const headers = await secrets.getHeaders(name);
  const [scheme = "", value = ""] = (headers.authorization ?? "").split(" ", 2);
  if (scheme === "Bearer") return { username, password: value };
  if (scheme !== "Basic") throw new UsageError(`“${name}” is neither a user name with a password nor a token.`);
  const text = Buffer.from(value, "base64").toString("utf8");
  const colon = text.indexOf(":");
  return { username: text.slice(0, colon), password: text.slice(colon + 1) };
}
