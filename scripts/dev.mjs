// `npm run dev`: the same server over `next dev`, which compiles pages as they are asked for. What server.ts itself
// imports (hot routes, jobs) is bundled at start; restart after changing it.
import { join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { handOver, ROOT } from "./lib/begin.mjs";
import { bundle, bundleFolder } from "./lib/build.mjs";
import { ensureDependencies } from "./lib/dependencies.mjs";

process.env.NODE_ENV = "development";
await ensureDependencies();
await bundle(true);
handOver();
const { ready } = await import(pathToFileURL(join(ROOT, bundleFolder(), "server.development.mjs")).href);
await ready;
