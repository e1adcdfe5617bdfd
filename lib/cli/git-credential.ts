import { parseArgs } from "node:util";
import { LatchkeyError, type LatchkeySteps } from "@/lib/sdk";
import { readInput } from "./ask";
import { isUnknownName, oneLine, pairOf, TOKEN_USER } from "./credential-pair";
import { words } from "./options";
import { signedIn } from "./read";
import { UsageError } from "./usage-error";

/**
 * `latchkey git-credential [NAME] get|store|erase` (gitcredentials(7)), also `git-credential-latchkey`, which git finds by
 * `credential.helper = latchkey`. Without a name it is the secret named as the host that git asks for; none: git asks elsewhere. `erase` is
 * git's word for "refused": an access token is reported, so that the next `get` has a newer one. `store` has nothing to do.
 */
export async function gitCredential(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { username: { type: "string" } },
  });
  const given = words(positionals, 1, 2);
  const operation = given.at(-1);
  // Others that git may have one day are to be passed over silently.
  if (operation !== "get" && operation !== "erase") return;
  const asked = attributesOf(await readInput("git's question"));
  const name = given.length === 2 ? (given[0] as string) : asked.get("host");
  if (!name) throw new UsageError("git named no host, so name the secret: latchkey git-credential NAME get");
  const latchkey = await signedIn();
  try {
    if (operation === "erase") return await refused(latchkey, name, asked.get("password"));
    const { username, password } = await pairOf(latchkey, name, values.username ?? asked.get("username") ?? TOKEN_USER);
    process.stdout.write(`username=${oneLine(username, "git")}\npassword=${oneLine(password, "git")}\n`);
  } catch (error) {
    if (given.length === 2 || !isUnknownName(error)) throw error;
  }
}

/** git's lines `name=value`. */
function attributesOf(text: string): Map<string, string> {
  const lines = text.split("\n").filter((line) => line.includes("="));
  return new Map(lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]));
}

async function refused({ secrets }: LatchkeySteps, name: string, password: string | undefined): Promise<void> {
  const token = await secrets.getToken(name, { minimumValidity: 0 }).catch((error: unknown) => {
    // No token, so nothing of ours was refused.
    if (error instanceof LatchkeyError && error.status === 400) return null;
    throw error;
  });
  if (token && token.access_token === password) await secrets.refused(name, token.fingerprint);
}
