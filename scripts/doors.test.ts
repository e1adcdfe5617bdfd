import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { expect, test } from "vitest";

/**
 * HOUSE sentence 4: a secret value exists in clear only between `envelope.open` and the door it leaves by. On the way it is
 * wrapped (`Sensitive`). Here is every file that opens an envelope or takes a value out of its wrapping, with the door it does
 * it for. Another file may do neither; who adds one says which door, in the same commit.
 */
const READ = "the read endpoint";
const TOKEN = "the provider's token endpoint";
/** Handed on wrapped, sealed again, hashed or compared: nothing leaves. */
const STAYS = "lets nothing out";
type Door = typeof READ | typeof TOKEN | "the outbound call" | "a database login" | typeof STAYS;

const HOLDERS: Record<string, Door[]> = {
  // The wrapping itself.
  "lib/crypto/envelope.ts": [STAYS],
  "lib/crypto/sensitive.ts": [STAYS],
  // Keys of the instance.
  "lib/crypto/open-keyring.ts": [STAYS],
  // Values of secrets.
  "lib/secrets/opened.ts": [STAYS],
  "lib/secrets/resource.ts": [READ],
  "lib/secrets/own-request.ts": [TOKEN],
  "lib/secrets/reveal.ts": [READ],
  "lib/secrets/service.ts": [READ],
  "lib/secrets/save-tokens.ts": [STAYS],
  "lib/secrets/update-secret.ts": [STAYS],
  "lib/secrets/rotate-key.ts": [STAYS],
  // Keys: what they sign or decrypt leaves, they do not (HOUSE sentence 4).
  "lib/secret-use/jwt-keys.ts": [STAYS],
  // Passwords and keys that callers are compared with.
  "lib/endpoints/locks.ts": [STAYS],
  // Additional parameters go into the authorization request: public by nature, as the provider's page shows them.
  "lib/secrets/authorized.ts": [STAYS],
  // Client secrets.
  "lib/auth-clients/opened.ts": [STAYS],
  "lib/auth-clients/change.ts": [STAYS],
  "lib/auth-clients/seen.ts": [STAYS],
  "lib/auth-clients/resource.ts": [READ],
  "lib/oauth/client-auth.ts": [TOKEN],
  // Tokens, codes and PKCE verifiers. The token endpoint takes secrets out of a provider's words before anybody sees those.
  "lib/oauth/flow.ts": [STAYS],
  "lib/oauth/token-set.ts": [STAYS],
  "lib/oauth/token-endpoint.ts": [STAYS],
  "lib/oauth/grants/authorization-code.ts": [TOKEN],
  "lib/oauth/grants/password.ts": [TOKEN],
  "lib/oauth/grants/refresh-token.ts": [TOKEN],
  "lib/oauth/revocation.ts": [TOKEN],
  "lib/refresher/live-world.ts": [STAYS],
  // Requests made with a secret.
  "lib/secret-use/http-injection.ts": ["the outbound call"],
  // Values are masked in it, and looked for in the answer.
  "lib/secret-use/masked-exchange.ts": [STAYS],
  // A webhook's signing secret: shown once when it is made; then it signs, and stays.
  "lib/webhooks/resource.ts": [READ],
  "lib/webhooks/signing.ts": [STAYS],
  // Logins: handed to the thread that speaks to the database.
  "lib/secret-use/sql.ts": ["a database login"],
  // What is stored beside what is typed, in a token request that is tested.
  "lib/secret-use/test-unsaved.ts": [TOKEN],
};

/** The module that opens, and which of its names do. */
const OPENS = { module: "lib/crypto/envelope", names: /^open/ };

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
    if (type || path.replace(/\.(ts|js|mjs)$/, "") !== OPENS.module) continue;
    const taken = (names ?? "*")
      .replace(/[{}]/g, "")
      .split(",")
      .map((name) => name.trim())
      .filter((name) => name !== "" && !name.startsWith("type "));
    // A namespace may hold anything, so it counts.
    if (taken.some((name) => name.startsWith("*") || OPENS.names.test(name))) found.push(whole.replace(/\s+/g, " "));
  }
  // `reveal` with arguments is the SDK's call to the read endpoint, not a Sensitive's.
  for (const [call] of text.matchAll(/[\w)\]?]+\??\.(reveal\(\)|use\()/g)) found.push(call);
  return found;
}

// The guards are texts of code, quoted to be taken out.
const shipping = execFileSync(
  "git",
  ["ls-files", "-co", "--exclude-standard", "lib", "app", "components", "drizzle", "scripts", "server.ts"],
  { encoding: "utf8" },
)
  .split("\n")
  .filter(
    (name) => /\.(tsx?|mjs)$/.test(name) && !/\.test\.tsx?$|_tests\/|^lib\/testing\/|^scripts\/guards\//.test(name),
  );

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
  expect(at('import { open } from "./envelope";', "lib/crypto/new.ts")).toHaveLength(1);
  expect(at("const text = secret.reveal();")).toHaveLength(1);
  expect(at("secret?.use((value) => value)")).toHaveLength(1);
});

test("sealing, types and the SDK's reveal hold nothing", () => {
  const at = (text: string) => holdings("lib/new/service.ts", text);
  expect(at('import { sealJson, type Place } from "@/lib/crypto/envelope";')).toEqual([]);
  expect(at('import type { Sensitive } from "@/lib/crypto/sensitive";')).toEqual([]);
  expect(at("api.secrets.reveal(workspaceId, secretId, field)")).toEqual([]);
});
