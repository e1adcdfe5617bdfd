// `npm run reset-password`: see scripts/commands/reset-password.ts.
import process from "node:process";
import "./lib/begin.mjs";
import { command } from "./lib/build.mjs";
import { ensureDependencies } from "./lib/dependencies.mjs";

process.env.NODE_ENV = "production";
await ensureDependencies();
const { resetPassword } = await command("reset-password");
await resetPassword(process.argv.slice(2));
