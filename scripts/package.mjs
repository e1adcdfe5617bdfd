// `npm run package`: the package of the SDK (`latchkey/client`) and the command line (`latchkey`), without a dependency, in dist/package,
// and as dist/latchkey-<version>.tgz for `npm install`.
import { join } from "node:path";
import process from "node:process";
import { ROOT } from "./lib/begin.mjs";
import { makePackage } from "./lib/client-package.mjs";
import { ensureDependencies } from "./lib/dependencies.mjs";
import { step } from "./lib/run.mjs";

await ensureDependencies();
let made;
await step("Making the package", async () => {
  made = await makePackage(join(ROOT, "dist", "package"), join(ROOT, "dist"));
});
process.stdout.write(`npm install ${made}\n`);
process.exit();
