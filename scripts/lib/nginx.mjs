import { mkdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { run, tail } from "./run.mjs";

const PLACES = ["/usr/sbin/nginx", "/usr/local/sbin/nginx", "/usr/local/bin/nginx", "/opt/homebrew/bin/nginx"];

/** The configuration that compose.yaml mounts, with the addresses, port and folder of this run instead of the containers'. */
export async function nginxConfiguration(root, { folder, port, upstreams }) {
  const text = await readFile(join(root, "scripts/lib/nginx.conf"), "utf8");
  const servers = upstreams.map((upstream) => `    server 127.0.0.1:${upstream} max_fails=1 fail_timeout=1s;`);
  let placed = false;
  return text
    .replace(/^ {4}server 172\.30\.77\.\d+:3000 .*\n/gm, () => {
      const lines = placed ? "" : `${servers.join("\n")}\n`;
      placed = true;
      return lines;
    })
    .replace("listen 8080;", `listen 127.0.0.1:${port};`)
    .replaceAll("/tmp/nginx", `${folder}/nginx`);
}

/**
 * The path of an nginx: `LATCHKEY_NGINX`, the machine's, or Debian's package unpacked into `dist/tools/nginx` without being
 * installed, so that no service starts by itself.
 *
 * @param {string} root the repository
 * @throws Error that says what to install, where neither exists
 */
export async function findNginx(root) {
  const given = process.env.LATCHKEY_NGINX?.trim();
  const unpacked = join(root, "dist", "tools", "nginx");
  for (const path of [given, ...PLACES, join(unpacked, "usr/sbin/nginx")])
    if (path && (await isThere(path))) return path;
  const draft = `${unpacked}.${process.pid}`;
  await mkdir(draft, { recursive: true });
  try {
    let output = "";
    const shell = async (script) => {
      const ended = await run("/bin/sh", ["-c", script], { cwd: draft });
      output += ended.output;
      return ended.code === 0;
    };
    const download = "apt-get download -q nginx && dpkg-deb -x nginx_*.deb .";
    if (!(await shell(download)) && !(await shell(`apt-get update -q && ${download}`)))
      throw new Error(`nginx is needed here: install it, or name one in LATCHKEY_NGINX.\n${tail(output, 8)}`);
    await rename(draft, unpacked).catch((error) => {
      if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error; // Somebody else was quicker.
    });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return join(unpacked, "usr/sbin/nginx");
}

const isThere = (path) =>
  stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
