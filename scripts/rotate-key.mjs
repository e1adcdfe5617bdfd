// `npm run rotate-key`: see scripts/commands/rotate-key.ts.
import process from "node:process";
import "./lib/begin.mjs";
import { command } from "./lib/build.mjs";
import { ensureDependencies } from "./lib/dependencies.mjs";

process.env.NODE_ENV = "production";
await ensureDependencies();
const { rotateKey } = await command("rotate-key");
await rotateKey(process.argv.slice(2));
