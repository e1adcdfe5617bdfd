// Dependencies and build, without starting: what tests do once before they start many processes. `--commands` also bundles
// the commands, for an image in which nothing can be bundled any more.
import process from "node:process";
import "./lib/begin.mjs";
import { command, ensureBuilt } from "./lib/build.mjs";
import { ensureDependencies } from "./lib/dependencies.mjs";

process.env.NODE_ENV = "production";
await ensureDependencies();
await ensureBuilt();
if (process.argv.includes("--commands")) await command("reset-password");
