// HOUSE.md section 3, "Who may import whom", as code. `npm run check` applies it to every file.
import { readdir, readFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";

/** Core: imports nothing but core. */
const CORE =
  /^lib\/(secret-types(\/|$)|providers(\/|$)|errors$|clock$|ids$|cancel$|access\/(?!permit$|.*store$)|[^/]+\/state$|refresher\/policy$|webhooks\/events$)/;
const STORE = /(^|\/|-)store$|^lib\/refresher\/(claim|[^/]*statements?)$/;
const TEST = /\.test$|^lib\/testing\/|^e2e\/|\/_tests\//;

/**
 * Each rule: files it is for, what they may not import, and why. Paths are without extension, from the repository's root;
 * packages by their name. `types: true` lets `import type` pass.
 */
const RULES = [
  {
    files: /^app\//,
    never: (to) => STORE.test(to) || /^drizzle\/|^lib\/crypto\//.test(to),
    why: "app declares: it may import services and lib/http, never a store, drizzle or crypto",
  },
  {
    files: /^components\//,
    never: (to) => /^(lib|drizzle)\//.test(to) && !/^lib\/sdk(\/|$)/.test(to) && !CORE.test(to),
    types: true,
    why: "components may import lib/sdk and core only",
  },
  {
    files: CORE,
    never: (to) => (/^(app|components|lib|drizzle)\//.test(to) && !CORE.test(to)) || /^(next|react)(\/|-|$)/.test(to),
    types: true,
    why: "core may import core only",
  },
  {
    files: /^lib\/sdk\//,
    never: (to) => (/^(lib|drizzle)\//.test(to) && !/^lib\/sdk(\/|$)/.test(to)) || /^(next(\/|$)|node:)/.test(to),
    types: true,
    why: "the SDK takes only types from lib, and needs neither Next nor Node",
  },
  {
    files: /^lib\/cli\//,
    never: (to) => !/^lib\/(sdk|cli)(\/|$)|^node:/.test(to),
    why: "the command line is a user of lib/sdk and needs nothing installed",
  },
  {
    // The one list of hot routes names the very endpoints that app exports (HOUSE, "One endpoint, two ways in").
    files: /^lib\/(?!http\/hot-routes$)/,
    never: (to) => /^(app|components)\//.test(to),
    why: "lib never imports screens",
  },
  {
    files: /^lib\/(?!http\/|accounts\/)/,
    never: (to) => /^(next|react|react-dom|next-auth)(\/|$)/.test(to),
    why: "endpoints and all below them stay free of Next.js and React",
  },
  {
    files: /^lib\/(?!db\/|testing\/)/,
    never: (to, from) => /^drizzle\//.test(to) && !STORE.test(from),
    types: true,
    why: "only stores, the claim and lib/db know SQL",
  },
  {
    files: /^lib\/crypto\/(?!.*store$)/,
    never: (to) => /^lib\/(secrets|auth-clients|oauth|refresher|http|jobs)\//.test(to),
    why: "crypto knows nothing of secrets",
  },
  {
    files: /^lib\/[^/]+\/resource$/,
    never: (to) => /^drizzle\/|^lib\/crypto\//.test(to) || STORE.test(to) || /\/service$/.test(to),
    types: true,
    why: "a resource speaks the wire and nothing else",
  },
  { files: /./, never: (to) => /^lib\/testing\//.test(to), why: "nothing that ships imports lib/testing" },
];

/**
 * The forbidden imports of one file.
 *
 * @param {string} file path from the root, such as `lib/secrets/service.ts`
 * @param {string} text its source
 * @returns {string[]} one line each
 */
export function zoneViolations(file, text) {
  const from = file.replace(/\.(tsx?|mjs|jsx?)$/, "");
  if (TEST.test(from)) return [];
  const found = [];
  const statement =
    /^\s*(?:import|export)\s+(type\s+)?(?:[^"';]*?\s+from\s+)?["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']\s*\)/gm;
  for (const match of text.matchAll(statement)) {
    const specifier = match[2] ?? match[3];
    const to = specifier.startsWith("@/")
      ? specifier.slice(2)
      : specifier.startsWith(".")
        ? relative(".", join(dirname(file), specifier))
        : specifier;
    for (const rule of RULES)
      if (rule.files.test(from) && !(rule.types && match[1]) && rule.never(to.replace(/\.(tsx?|mjs)$/, ""), from))
        found.push(`${file}: may not import ${specifier} (${rule.why})`);
  }
  return found;
}

/** The forbidden imports of the whole house. */
export async function allZoneViolations(root) {
  const found = [];
  for (const folder of ["app", "components", "lib", "drizzle"]) {
    const entries = await readdir(join(root, folder), { recursive: true, withFileTypes: true });
    for (const entry of entries) {
      if (!entry.isFile() || !/\.tsx?$/.test(entry.name)) continue;
      const path = join(entry.parentPath ?? entry.path, entry.name);
      found.push(...zoneViolations(relative(root, path), await readFile(path, "utf8")));
    }
  }
  return found;
}
