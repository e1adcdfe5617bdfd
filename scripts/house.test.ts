import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

/** Rules of the house that a reader of the tree can check (SECURITY CRY-13, SS-1, SU-1; HOUSE "process.env"). */
const files = execFileSync(
  "git",
  ["ls-files", "-co", "--exclude-standard", "lib", "app", "components", "server.ts", "drizzle"],
  { encoding: "utf8" },
)
  .split("\n")
  .filter((name) => /\.tsx?$/.test(name) && !/\.test\.tsx?$|_tests\/|^lib\/testing\//.test(name));
const text = (name: string) => readFileSync(name, "utf8");
const importing = (pattern: RegExp) =>
  files.filter((name) =>
    [...text(name).matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)].some((match) => pattern.test(match[1] ?? "")),
  );

test("something is looked at", () => expect(files.length).toBeGreaterThan(150));

test("ciphers, hashes and random bytes come from node:crypto alone", () => {
  // JOSE's formats alone are a library's (WebCrypto, of Node, below it).
  expect(importing(/^jose$/)).toEqual(["lib/secret-use/jwt.ts"]);
  expect(importing(/^(bcrypt|bcryptjs|argon2|@node-rs\/|crypto-js|tweetnacl|libsodium|@noble\/)/)).toEqual([]);
  const ciphers = files.filter((name) => /create(De)?[Cc]ipheriv|scrypt\(/.test(text(name)));
  expect(ciphers.every((name) => name.startsWith("lib/crypto/"))).toBe(true);
  expect(ciphers.length).toBeGreaterThan(0);
});

test("only lib/egress opens connections to the outside", () => {
  const opening = importing(/^(undici|node:https|node:tls|node:dns|node:http2|https|tls|dns)(\/|$)/);
  expect(opening.filter((name) => !name.startsWith("lib/egress/"))).toEqual([]);
  expect(opening.length).toBeGreaterThan(0);
  // Where traces go, only the operator says; their exporter is loaded in one place, and only when he does.
  expect(importing(/^@opentelemetry\/exporter/)).toEqual(["lib/observability/tracing.ts"]);
  const fetching = files.filter((name) => /^(lib|app|server)/.test(name) && /(?<![.\w])fetch\(/.test(text(name)));
  expect(fetching.filter((name) => !/^lib\/(egress|sdk)\//.test(name))).toEqual([]);
});

test("settings are read in lib/config.ts only, the command line's in its own one place", () => {
  const reading = files.filter((name) => /process\.env(?:\[|\.(?!NODE_ENV|NEXT_RUNTIME))/.test(text(name)));
  // The last shows such a line to people and reads nothing.
  expect(reading.filter((name) => name !== "components/secrets/use-lines.ts").sort()).toEqual([
    "lib/cli/environment.ts",
    "server.ts",
  ]);
});

test("MACs and hashes are compared by timingSafeEqual alone (JW-7)", () => {
  // A value that is, by its name, a MAC, a hash or a digest, beside an operator; null and undefined are no values.
  const name = String.raw`[\w.?]*(?:[mM]ac|[hH]ash|HASH|[dD]igest|[hH]mac)(?:\([^()]*\))?`;
  const other = String.raw`(?![=]|\s*(?:null|undefined|""))`;
  const compared = new RegExp(
    `${name}\\s*[!=]==?${other}|[!=]==?\\s*${name}(?![\\w.])|${name}\\.(?:equals|localeCompare)\\(`,
  );
  // The digest of the migrations' own text is nobody's secret.
  const looked = files.filter((file) => file !== "drizzle/migrate.ts");
  const lines = looked.flatMap((file) =>
    text(file)
      .split("\n")
      .filter((line) => compared.test(line))
      .map((line) => `${file}: ${line.trim()}`),
  );
  expect(lines).toEqual([]);
  for (const wrong of ["if (mac(a) === b)", "x.passwordMac !== given", "given == lockHash(text)", "hash.equals(other)"])
    expect(compared.test(wrong)).toBe(true);
  expect(files.filter((file) => /timingSafeEqual/.test(text(file))).sort()).toEqual([
    "app/metrics/route.ts",
    "lib/crypto/mac.ts",
    "lib/crypto/open-keyring.ts",
    "lib/crypto/password.ts",
  ]);
});

test("dependencies are pinned, locked without a registry's address, and run no install scripts", () => {
  const { dependencies, devDependencies } = JSON.parse(text("package.json"));
  for (const version of Object.values({ ...dependencies, ...devDependencies }))
    expect(version).toMatch(/^\d+\.\d+\.\d+(-[\w.]+)?$/);
  const lock = JSON.parse(text("package-lock.json")) as {
    packages: Record<string, { resolved?: string; link?: boolean }>;
  };
  expect(Object.values(lock.packages).filter((one) => one.resolved !== undefined)).toEqual([]);
  expect(text(".npmrc")).toMatch(/^ignore-scripts=true$/m);
});
