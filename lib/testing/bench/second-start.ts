import { spawn } from "node:child_process";
import type { Bench } from "./parts";

/** Seconds from `npm start` to its ready line, as a person at a terminal sees it. */
export async function secondStart(bench: Bench, env: Record<string, string>): Promise<number> {
  const began = performance.now();
  const child = spawn("npm", ["start"], {
    cwd: bench.root,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const seconds = await new Promise<number>((resolve, reject) => {
    let text = "";
    child.stdout.on("data", (chunk) => {
      text += chunk;
      if (text.includes("Latchkey is ready")) resolve((performance.now() - began) / 1000);
    });
    child.once("error", reject);
    void ended.then(() => reject(new Error(`npm start ended\n${text}`)));
  });
  child.kill("SIGTERM");
  await ended;
  return seconds;
}
