// `npm start`: from a fresh clone to a running Latchkey. Needs nothing but Node.
import { join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { handOver, ROOT } from "./lib/begin.mjs";
import { bundleFolder, ensureBuilt } from "./lib/build.mjs";
import { ensureDependencies } from "./lib/dependencies.mjs";

process.env.NODE_ENV = "production";
await ensureDependencies();
await ensureBuilt();
handOver();
const { ready } = await import(pathToFileURL(join(ROOT, bundleFolder(), "server.mjs")).href);
await ready;
