import { readFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { findProgram } from "./debian.mjs";

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
 * The path of an nginx: `LATCHKEY_NGINX`, the machine's, or Debian's package, unpacked.
 *
 * @param {string} root the repository
 * @throws Error that says what to install, where neither exists
 */
export const findNginx = (root) =>
  findProgram(root, { name: "nginx", given: process.env.LATCHKEY_NGINX, places: PLACES, inside: "usr/sbin/nginx" });
