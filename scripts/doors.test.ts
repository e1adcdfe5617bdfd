import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { expect, test } from "vitest";

/**
 * HOUSE sentence 4: a secret value exists in clear only between `envelope.open` and the door it leaves by. Here is every file
 * that holds a clear value, and the door it holds it for. A file that is not listed may neither open an envelope, nor take
 * what lib/secrets/opened.ts opened, nor look into a `Sensitive`. Who adds one says which door, in the same commit.
 */
const READ = "the read endpoint";
const TOKEN = "the provider's token endpoint";
/** Sealed again, compared or counted: it leaves by no door. */
const STAYS = "lets nothing out";
type Door = typeof READ | typeof TOKEN | "the outbound call" | "a database login" | typeof STAYS;

const HOLDERS: Record<string, Door[]> = {
  // Values of a secret: the only file that opens them, and those it hands them to.
  "lib/secrets/opened.ts": [READ, STAYS],
  "lib/secrets/service.ts": [READ, TOKEN],
  "lib/secrets/list-secrets.ts": [READ],
  "lib/secrets/tokens.ts": [READ],
  "lib/secrets/update-secret.ts": [STAYS],
  "lib/secrets/authorized.ts": [STAYS],
  // Client secrets.
  "lib/auth-clients/opened.ts": [TOKEN],
  "lib/auth-clients/service.ts": [READ, STAYS],
  "lib/oauth/client-auth.ts": [TOKEN],
  // Only to take it out of a provider's words before anybody sees them.
  "lib/oauth/token-endpoint.ts": [TOKEN, STAYS],
  // The PKCE verifier of a pending authorization.
  "lib/oauth/flow.ts": [TOKEN],
  // The refresh token, on its way to be presented.
  "lib/refresher/live-world.ts": [TOKEN],
  // Keys of the instance.
  "lib/crypto/open-keyring.ts": [STAYS],
  "lib/crypto/envelope.ts": [STAYS],
};

/** What opens, by file; `open…` is any name that begins so. */
const SOURCES: Record<string, RegExp> = {
  "lib/crypto/envelope": /^open/,
  "lib/secrets/opened": /^open/,
  "lib/crypto/sensitive": /^Sensitive$/,
};

/** Where one file comes to hold a clear value, in its own words; empty when it does not. */
function holdings(file: string, text: string): string[] {
  const found: string[] = [];
  for (const match of text.matchAll(
    /\b(import|export)\s+(type\s+)?([^"';]*?)\s*from\s*"([^"]+)"|\bimport\(\s*"([^"]+)"/g,
  )) {
    const [whole, , type, names, from, dynamic] = match;
    const specifier = from ?? dynamic ?? "";
    const path = specifier.startsWith("@/")
      ? specifier.slice(2)
      : specifier.startsWith(".")
        ? relative(".", join(dirname(file), specifier))
        : specifier;
    const opening = SOURCES[path.replace(/\.(ts|js|mjs)$/, "")];
    if (!opening || type) continue;
    const taken = (names ?? "*")
      .replace(/[{}]/g, "")
      .split(",")
      .map((name) => name.trim())
      .filter((name) => name !== "" && !name.startsWith("type "));
    // A namespace may hold anything, so it counts.
    if (taken.some((name) => name.startsWith("*") || opening.test(name))) found.push(whole.replace(/\s+/g, " "));
  }
  // `reveal` with arguments is the SDK's call to the read endpoint, not a Sensitive's.
  for (const [call] of text.matchAll(/[\w)\]?]+\??\.(reveal\(\)|use\()/g)) found.push(call);
  return found;
}

const shipping = execFileSync(
  "git",
  ["ls-files", "-co", "--exclude-standard", "lib", "app", "components", "drizzle", "scripts", "server.ts"],
  { encoding: "utf8" },
)
  .split("\n")
  .filter((name) => /\.(tsx?|mjs)$/.test(name) && !/\.test\.tsx?$|_tests\/|^lib\/testing\//.test(name));

test("a clear value is held only in the files that are listed, each for its door", () => {
  const holding = shipping.flatMap((file) => {
    const ways = holdings(file, readFileSync(file, "utf8"));
    return ways.length > 0 ? [{ file, ways }] : [];
  });
  expect(holding.filter(({ file }) => !(file in HOLDERS))).toEqual([]);
  // And the list names no file that has stopped doing so.
  expect(Object.keys(HOLDERS).sort()).toEqual(holding.map(({ file }) => file).sort());
});

test("a new file that opens a value by any way is found", () => {
  const at = (text: string, file = "lib/secret-use/jwt.ts") => holdings(file, text);
  expect(at('import { openJson } from "@/lib/crypto/envelope";')).toHaveLength(1);
  expect(at('import {\n  type Place,\n  open as unseal,\n} from "../crypto/envelope";')).toHaveLength(1);
  expect(at('import * as envelope from "@/lib/crypto/envelope";')).toHaveLength(1);
  expect(at('export { openNow } from "@/lib/crypto/envelope.ts";')).toHaveLength(1);
  expect(at('const { open } = await import("@/lib/crypto/envelope");')).toHaveLength(1);
  expect(at('import { openTokens } from "./opened";', "lib/secrets/new.ts")).toHaveLength(1);
  expect(at("const text = secret.reveal();")).toHaveLength(1);
  expect(at("secret?.use((value) => value)")).toHaveLength(1);
});

test("sealing, types and the SDK's reveal hold nothing", () => {
  const at = (text: string) => holdings("lib/new/service.ts", text);
  expect(at('import { sealJson, type Place } from "@/lib/crypto/envelope";')).toEqual([]);
  expect(at('import type { Sensitive } from "@/lib/crypto/sensitive";')).toEqual([]);
  expect(at('import { credentialsPlace } from "@/lib/secrets/opened";')).toEqual([]);
  expect(at("api.secrets.reveal(workspaceId, secretId, field)")).toEqual([]);
});
