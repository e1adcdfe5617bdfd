import { spawnSync } from "node:child_process";
import { join } from "node:path";

/** Once before all stories. Does nothing when the build is up to date, as under `npm test`; LATCHKEY_E2E_BUILT=1 takes it as it is. */
export default function build(): void {
  if (process.env.LATCHKEY_E2E_BUILT) return;
  const { status } = spawnSync(process.execPath, ["scripts/build.mjs"], {
    cwd: join(import.meta.dirname, ".."),
    stdio: "inherit",
  });
  if (status !== 0) throw new Error("The build failed.");
}
