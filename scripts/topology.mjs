// `npm run topology`: compose.yaml's topology without containers: PostgreSQL, two web processes, a worker and nginx, in a
// temporary folder. Ctrl-C ends all of it and removes the folder; so does the end of its parent. PORT (8080) is nginx's.
import { join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { handOver } from "./lib/begin.mjs";
import { bundleAside, ensureBuilt } from "./lib/build.mjs";
import { ensureDependencies } from "./lib/dependencies.mjs";

process.env.NODE_ENV = "production";
await ensureDependencies();
await ensureBuilt();
const folder = await bundleAside("topology", ["lib/testing/topology/main.ts"]);
handOver();
await import(pathToFileURL(join(folder, "main.mjs")).href);
