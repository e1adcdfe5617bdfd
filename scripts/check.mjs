// `npm run check`: types, lint and format, import rules of HOUSE.md. Each is run whatever the others said.
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import process from "node:process";
import { ROOT } from "./lib/begin.mjs";
import { ensureDependencies } from "./lib/dependencies.mjs";
import { run } from "./lib/run.mjs";
import { allZoneViolations } from "./lib/zones.mjs";

await ensureDependencies();
const require = createRequire(join(ROOT, "package.json"));

/** The program a package installs under `name`. */
function program(pack, name) {
  const manifest = require.resolve(`${pack}/package.json`);
  const { bin } = require(manifest);
  return join(dirname(manifest), typeof bin === "string" ? bin : bin[name]);
}

let failed = 0;
for (const [title, args] of [
  ["Types", [program("typescript", "tsc"), "--noEmit"]],
  ["Lint and format", [program("@biomejs/biome", "biome"), "check", "--error-on-warnings"]],
]) {
  const { code, output } = await run(process.execPath, args, { cwd: ROOT });
  process.stdout.write(`${title}: ${code === 0 ? "good" : "failed"}\n${code === 0 ? "" : output}`);
  if (code !== 0) failed++;
}
const zones = await allZoneViolations(ROOT);
process.stdout.write(
  `Import rules: ${zones.length === 0 ? "good" : "failed"}\n${zones.map((line) => `  ${line}\n`).join("")}`,
);
if (zones.length > 0) failed++;
process.exit(failed === 0 ? 0 : 1);
