import { spawn } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { findNginx, nginxConfiguration } from "@/scripts/lib/nginx.mjs";

/** A running nginx; ends with this process, however that ends. */
export interface RunningProxy {
  url: string;
  stop(): Promise<void>;
}

/** Ends nginx when our end of the pipe closes, which the kernel does for us. */
const GUARD = '"$1" -e "$3/nginx.log" -p "$3" -c "$2" -g "daemon off;" & n=$!; read -r _; kill -TERM $n; wait $n';

/**
 * Starts nginx in front of the processes on `upstreams`, with compose.yaml's configuration, and waits until it listens.
 *
 * @param root the repository
 * @param folder for its files; made when missing
 * @param upstreams ports on 127.0.0.1
 * @throws Error when there is no nginx or it does not start
 */
export async function startProxy(
  root: string,
  { folder, port, upstreams }: { folder: string; port: number; upstreams: number[] },
): Promise<RunningProxy> {
  return startNginx(root, { folder, port, text: await nginxConfiguration(root, { folder, port, upstreams }) });
}

/** The same with any configuration; @param text of it, which listens on `port` */
export async function startNginx(
  root: string,
  { folder, port, text }: { folder: string; port: number; text: string },
): Promise<RunningProxy> {
  await mkdir(folder, { recursive: true });
  const file = join(folder, "nginx.conf");
  // Started by root it would give its workers to a user that may not exist.
  const user = process.getuid?.() === 0 ? "user root;\n" : "";
  await writeFile(file, user + text);
  const child = spawn("/bin/sh", ["-c", GUARD, "latchkey-nginx", await findNginx(root), file, folder], {
    stdio: ["pipe", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text) => {
    said = (said + text).slice(-4_000);
  });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const stop = async () => {
    child.stdin.end();
    await ended;
  };
  const url = `http://localhost:${port}`;
  for (const until = performance.now() + 10_000; ; ) {
    // Any answer will do, a 502 too: what stands behind it may start later.
    if (
      await fetch(`http://127.0.0.1:${port}/healthz`).then(
        () => true,
        () => false,
      )
    )
      return { url, stop };
    if (performance.now() > until) {
      await stop();
      throw new Error(`nginx does not listen on port ${port}.\n${said}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}
