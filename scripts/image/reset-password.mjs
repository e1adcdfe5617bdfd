// In a container: `node reset-password.mjs <email>` (see scripts/commands/reset-password.ts).
import process from "node:process";

const { resetPassword } = await import(new URL("dist/commands/reset-password.mjs", import.meta.url).href);
await resetPassword(process.argv.slice(2));
