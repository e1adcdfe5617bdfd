// Dependencies and build, without starting: what tests do once before they start many processes.
import process from "node:process";
import "./lib/begin.mjs";
import { ensureBuilt } from "./lib/build.mjs";
import { ensureDependencies } from "./lib/dependencies.mjs";

process.env.NODE_ENV = "production";
await ensureDependencies();
await ensureBuilt();
