import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: { alias: { "@": fileURLToPath(new URL(".", import.meta.url)).replace(/\/$/, "") } },
  test: {
    include: ["lib", "app", "components", "scripts", "drizzle"].map((folder) => `${folder}/**/*.test.ts`),
    // scripts/guards.mjs says "none" for files that ask for no database.
    globalSetup: process.env.LATCHKEY_TEST_DATABASE === "none" ? [] : ["lib/testing/global-setup.ts"],
    testTimeout: 20_000,
    hookTimeout: 60_000,
    pool: "forks",
    maxWorkers: 2,
  },
});
