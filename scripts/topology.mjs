// `npm run topology`: compose.yaml's topology without containers: PostgreSQL, two web processes, a worker and nginx, in a
// temporary folder. Ctrl-C ends all of it and removes the folder; so does the end of its parent. PORT (8080) is nginx's.
import { join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { handOver, ROOT } from "./lib/begin.mjs";
import { ensureBuilt } from "./lib/build.mjs";
import { ensureDependencies } from "./lib/dependencies.mjs";

process.env.NODE_ENV = "production";
await ensureDependencies();
await ensureBuilt();
const { build } = await import("esbuild");
await build({
  absWorkingDir: ROOT,
  entryPoints: [{ in: "lib/testing/topology/main.ts", out: "main" }],
  outdir: "dist/topology",
  outExtension: { ".js": ".mjs" },
  bundle: true,
  packages: "external",
  format: "esm",
  platform: "node",
  target: "node20",
  alias: { "@": ROOT },
  logLevel: "error",
});
handOver();
await import(pathToFileURL(join(ROOT, "dist", "topology", "main.mjs")).href);
