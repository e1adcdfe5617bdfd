// `npm run backup`: see scripts/commands/backup.ts.
import { resolve } from "node:path";
import process from "node:process";
import { CALLED_FROM } from "./lib/begin.mjs";
import { command } from "./lib/build.mjs";
import { ensureDependencies } from "./lib/dependencies.mjs";

process.env.NODE_ENV = "production";
await ensureDependencies();
const { backup } = await command("backup");
await backup(process.argv.slice(2).map((path) => resolve(CALLED_FROM, path)));
