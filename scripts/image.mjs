// `node scripts/image.mjs`: performs the Dockerfile's steps in a temporary folder, without a container engine, and sees the
// result serve as the image's user. As root the whole file system is then read-only for it; otherwise only its own files are.
// Base images are this machine: Node is the one that runs this. It ends with the size of what the image would hold.
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { basename, join, relative, sep } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { ROOT } from "./lib/begin.mjs";
import { bundleAside } from "./lib/build.mjs";
import { allowedBy, readDockerfile } from "./lib/dockerfile.mjs";
import { run, tail } from "./lib/run.mjs";

const root = process.getuid?.() === 0;
const folder = await mkdtemp(join(tmpdir(), "latchkey-image-"));
await chmod(folder, 0o755);
let database;
try {
  const stages = readDockerfile(await readFile(join(ROOT, "Dockerfile"), "utf8"));
  for (const stage of stages) await make(stage, stages);
  const image = stages.at(-1);
  const app = join(folder, image.name, "app");
  process.stdout.write(`In the image: ${(await readdir(app)).sort().join(" ")}\n`);
  await serve(image, app);
  const kb = async (path) => Number((await run("du", ["-sk", path])).output.split("\t")[0]);
  for (const name of [...(await readdir(app))]) process.stdout.write(`  ${await kb(join(app, name))} KB ${name}\n`);
  process.stdout.write(
    `Size: ${Math.round((await kb(app)) / 1024)} MB in /app, ${Math.round((await kb(process.execPath)) / 1024)} MB Node\n`,
  );
} finally {
  await database?.stop();
  await rm(folder, { recursive: true, force: true });
}
process.exit();

/** Performs one stage in a folder of its own. */
async function make(stage, stages) {
  const place = (path) => (path.startsWith("/") ? join(folder, stage.name, path) : join(at, path));
  let at = join(folder, stage.name);
  const env = {};
  for (const { word, args, text } of stage.steps) {
    if (word === "WORKDIR") {
      at = place(args[0]);
      await mkdir(at, { recursive: true });
    } else if (word === "ENV") for (const pair of args) env[pair.split("=")[0]] = pair.slice(pair.indexOf("=") + 1);
    else if (word === "COPY") await copy(stage, stages, args, place);
    else if (word === "RUN") {
      process.stdout.write(`${stage.name}: ${text}\n`);
      const { code, output } = await run("/bin/sh", ["-c", text], { cwd: at, env: { ...env, NODE_ENV: undefined } });
      if (code !== 0) throw new Error(`${text}\n${tail(output)}`);
    }
  }
  stage.env = env;
}

async function copy(stage, stages, args, place) {
  const from = args[0].startsWith("--from=") ? args[0].slice("--from=".length) : null;
  const paths = from ? args.slice(1) : args;
  const target = paths.pop();
  const allowed = from ? () => true : allowedBy(await readFile(join(ROOT, ".dockerignore"), "utf8"));
  if (from && !stages.some(({ name }) => name === from)) throw new Error(`${stage.name}: there is no stage ${from}`);
  for (const path of paths) {
    // What the base image brings is this machine's.
    const base = from && path === "/usr/local/bin/node";
    const source = base ? process.execPath : from ? join(folder, from, path) : join(ROOT, path);
    const intoFolder = target.endsWith("/") && (await stat(source)).isFile();
    await cp(source, intoFolder ? join(place(target), basename(path)) : place(target), {
      recursive: true,
      verbatimSymlinks: true,
      filter: (file) => from !== null || allowed(relative(ROOT, file).split(sep).join("/")),
    });
  }
}

/** Starts both roles as the image does and asks what its users ask. */
async function serve(image, app) {
  // tsx or a second copy of the code would prove less: this is the product's own module.
  const { startEmbedded } = await import(
    pathToFileURL(join(await bundleAside("image", ["lib/db/embedded.ts"]), "embedded.mjs")).href
  );
  await mkdir(join(folder, "database"), { mode: 0o755 });
  database = await startEmbedded(join(folder, "database"), () => {});
  const port = await freePort();
  const env = {
    ...image.env,
    PORT: String(port),
    DATABASE_URL: database.url,
    LATCHKEY_URL: `http://localhost:${port}`,
    LATCHKEY_MASTER_KEY: randomBytes(32).toString("base64"),
  };
  const web = inside(app, image, { ...env, LATCHKEY_ROLE: "web" }, image.command);
  await web.says("Latchkey is ready");
  const page = await fetch(`http://127.0.0.1:${port}/sign-in`);
  const html = await page.text();
  const script = /\/_next\/static\/[^"]+\.js/.exec(html)?.[0];
  const seen = { "/sign-in": page.status };
  for (const path of ["/healthz", "/readyz", "/v2/users/me", script])
    seen[path] = (await fetch(`http://127.0.0.1:${port}${path}`)).status;
  process.stdout.write(`${JSON.stringify(seen)}\n`);
  if (JSON.stringify(Object.values(seen)) !== "[200,200,200,401,200]")
    throw new Error("It does not serve as it should.");
  const worker = inside(app, image, { ...env, LATCHKEY_ROLE: "worker" }, image.command);
  await worker.says("Latchkey's worker is ready");
  const health = inside(app, image, env, image.healthcheck);
  const reset = inside(app, image, env, [process.execPath, "reset-password.mjs", "nobody@example.com"]);
  const ends = { health: await health.ended, resetOfNobody: await reset.ended };
  web.child.kill("SIGTERM");
  worker.child.kill("SIGTERM");
  Object.assign(ends, { web: await web.ended, worker: await worker.ended });
  process.stdout.write(`${JSON.stringify(ends)}\n`);
  if (JSON.stringify(Object.values(ends)) !== "[0,1,0,0]") throw new Error("It does not end as it should.");
  if (/EROFS|EACCES|EPERM|read-only/i.test(web.text() + worker.text()))
    throw new Error(`It wanted to write:\n${tail(web.text() + worker.text())}`);
}

/** Runs a command of the image as its user; `/app` and, as root, everything else is read-only for it. */
function inside(app, image, env, command) {
  const [uid, gid] = image.user.split(":");
  const argv = command.map((part) => (part === "/usr/local/bin/node" ? process.execPath : part));
  const script =
    'mount --make-rprivate / && mount --bind "$1" /mnt && mount -o remount,bind,ro / && mount -o remount,bind,ro /mnt && ' +
    'cd /mnt && u=$2 g=$3 && shift 3 && exec setpriv --reuid "$u" --regid "$g" --clear-groups --no-new-privs --bounding-set=-all "$@"';
  const child = root
    ? spawn("unshare", ["-m", "/bin/sh", "-c", script, "latchkey-image", app, uid, gid, ...argv], { env })
    : spawn(argv[0], argv.slice(1), { cwd: app, env });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (chunk) => (text += chunk));
  const ended = new Promise((resolve) => child.once("close", (code, signal) => resolve(code ?? signal)));
  return {
    child,
    ended,
    text: () => text,
    says: async (line) => {
      let over = false;
      void ended.then(() => (over = true));
      while (!text.includes(line)) {
        if (over) throw new Error(`It ended without saying “${line}”:\n${text}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
  };
}

function freePort() {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}
