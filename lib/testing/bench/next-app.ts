import { spawn } from "node:child_process";
import { mkdir, stat, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";

const FILES: Record<string, string> = {
  "package.json": '{"name":"latchkey-bench-next","private":true,"type":"module"}\n',
  "next.config.mjs": "export default { poweredByHeader: false };\n",
  "app/layout.js":
    'export default function Layout({ children }) { return <html lang="en"><body>{children}</body></html>; }\n',
  "app/empty/route.js":
    'export const dynamic = "force-dynamic";\nexport const GET = () => Response.json({ ok: true });\n',
};

/** A Next app with one route handler that does nothing, built once into `folder`; starts it and gives its port's line. */
export async function buildEmptyNext(folder: string): Promise<{ bin: string }> {
  const require = createRequire(join(folder, "package.json"));
  for (const [path, text] of Object.entries(FILES)) {
    await mkdir(join(folder, path, ".."), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  const bin = require.resolve("next/dist/bin/next");
  if (await stat(join(folder, ".next", "BUILD_ID")).catch(() => null)) return { bin };
  await new Promise<void>((resolve, reject) => {
    const child = spawn(process.execPath, [bin, "build"], {
      cwd: folder,
      env: { PATH: process.env.PATH ?? "", NODE_ENV: "production", NEXT_TELEMETRY_DISABLED: "1" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    child.stdout.on("data", (chunk) => {
      output += chunk;
    });
    child.stderr.on("data", (chunk) => {
      output += chunk;
    });
    child.once("close", (code) =>
      code === 0 ? resolve() : reject(new Error(`The empty Next app was not built.\n${output}`)),
    );
  });
  return { bin };
}
