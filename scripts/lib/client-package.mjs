import { chmod, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import process from "node:process";
import { ROOT } from "./begin.mjs";
import { run, tail } from "./run.mjs";

/** What a package of ours says of itself; version and licence are the project's. */
const MANIFEST = {
  name: "latchkey",
  description: "Client and command line of Latchkey, a keeper of secrets and OAuth tokens.",
  type: "module",
  engines: { node: ">=20.18.1" },
  exports: { "./client": { types: "./types/lib/sdk/index.d.ts", default: "./client.js" } },
  bin: { latchkey: "./latchkey.js" },
  files: ["client.js", "latchkey.js", "types", "LICENSE"],
};

/** Programs that others find by their names alone, each a command of `latchkey`. */
const CALLED_BY_NAME = {
  "git-credential-latchkey": "git-credential",
  "docker-credential-latchkey": "docker-credential",
};
for (const name of Object.keys(CALLED_BY_NAME)) {
  MANIFEST.bin[name] = `./${name}.js`;
  MANIFEST.files.push(`${name}.js`);
}

/**
 * Builds lib/sdk and lib/cli as a package of their own.
 *
 * @param {string} folder where it lies unpacked; made anew
 * @param {string} tarballs where `latchkey-<version>.tgz` goes
 * @returns {Promise<string>} the tarball's path
 */
export async function makePackage(folder, tarballs) {
  const project = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8"));
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const { version, license } = project;
  await writeFile(join(folder, "package.json"), `${JSON.stringify({ ...MANIFEST, version, license }, null, 2)}\n`);
  await writeFile(join(folder, "LICENSE"), await readFile(join(ROOT, "LICENSE")));
  await bundle(folder, version);
  await declare(folder);
  const { code, output } = await run("npm", ["pack", folder, "--pack-destination", tarballs], { cwd: folder });
  if (code !== 0) throw new Error(`npm pack failed:\n${tail(output)}`);
  return join(tarballs, `${project.name}-${version}.tgz`);
}

async function bundle(folder, version) {
  const { build } = await import("esbuild");
  const common = { absWorkingDir: ROOT, bundle: true, format: "esm", alias: { "@": ROOT }, logLevel: "error" };
  await build({
    ...common,
    entryPoints: ["lib/sdk/index.ts"],
    outfile: join(folder, "client.js"),
    platform: "neutral",
    target: "es2022",
  });
  const cli = join(folder, "latchkey.js");
  await build({
    ...common,
    entryPoints: ["lib/cli/main.ts"],
    outfile: cli,
    platform: "node",
    target: "node20",
    banner: { js: "#!/usr/bin/env node" },
    define: { LATCHKEY_VERSION: JSON.stringify(version) },
  });
  await chmod(cli, 0o755);
  for (const [name, command] of Object.entries(CALLED_BY_NAME)) {
    const file = join(folder, `${name}.js`);
    await writeFile(
      file,
      `#!/usr/bin/env node\nprocess.argv.splice(2, 0, ${JSON.stringify(command)});\nawait import("./latchkey.js");\n`,
    );
    await chmod(file, 0o755);
  }
}

/** The declarations, with specifiers that every module resolution of TypeScript follows. */
async function declare(folder) {
  const types = join(folder, "types");
  const config = join(folder, "tsconfig.json");
  await writeFile(
    config,
    JSON.stringify({
      extends: join(ROOT, "tsconfig.json"),
      compilerOptions: {
        noEmit: false,
        declaration: true,
        emitDeclarationOnly: true,
        incremental: false,
        rootDir: ROOT,
        outDir: types,
        types: [],
      },
      files: [join(ROOT, "lib/sdk/index.ts")],
      include: [],
    }),
  );
  const manifest = createRequire(join(ROOT, "package.json")).resolve("typescript/package.json");
  const { bin } = JSON.parse(await readFile(manifest, "utf8"));
  const { code, output } = await run(process.execPath, [join(dirname(manifest), bin.tsc), "-p", config], { cwd: ROOT });
  if (code !== 0) throw new Error(`The declarations could not be made:\n${tail(output)}`);
  await rm(config);
  await declareTypeNames(join(types, "lib"));
  for (const entry of await readdir(types, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath ?? entry.path, entry.name);
    const text = await readFile(file, "utf8");
    const to = (specifier) => {
      const path = specifier.startsWith("@/") ? relative(dirname(file), join(types, specifier.slice(2))) : specifier;
      return `${path.startsWith(".") ? path : `./${path}`}.js`;
    };
    await writeFile(
      file,
      text.replace(
        /(from |import\()"((?:@\/|\.\.?\/)[^"]+)"/g,
        (_, before, specifier) => `${before}"${to(specifier)}"`,
      ),
    );
  }
}

/** Of the types of secrets a program needs the names; their schemas would need zod. */
async function declareTypeNames(lib) {
  const { build } = await import("esbuild");
  const { outputFiles } = await build({
    absWorkingDir: ROOT,
    entryPoints: ["lib/secret-types/index.ts"],
    bundle: true,
    format: "esm",
    platform: "neutral",
    mainFields: ["module", "main"],
    alias: { "@": ROOT },
    write: false,
    logLevel: "error",
  });
  const { SECRET_TYPE_NAMES } = await import(
    `data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString("base64")}`
  );
  // What stays says names alone.
  const folder = join(lib, "secret-types");
  for (const file of await readdir(folder))
    if (/^import |import\(/m.test(await readFile(join(folder, file), "utf8"))) await rm(join(folder, file));
  const names = SECRET_TYPE_NAMES.map((name) => JSON.stringify(name)).join(" | ");
  await writeFile(join(lib, "secret-types.d.ts"), `export type SecretTypeName = ${names};\n`);
}
