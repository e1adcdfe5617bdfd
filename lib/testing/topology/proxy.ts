import { spawn } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { findCaddy } from "@/scripts/lib/caddy.mjs";
import { findNginx, nginxConfiguration } from "@/scripts/lib/nginx.mjs";

/** A running nginx or Caddy; ends with this process, however that ends. */
export interface RunningProxy {
  url: string;
  stop(): Promise<void>;
}

/** Ends the proxy when our end of the pipe closes, which the kernel does for us. */
const GUARD = '"$@" & n=$!; read -r _; kill -TERM $n; wait $n';

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

interface Configured {
  folder: string;
  port: number;
  /** Of the configuration, which listens on `port`. */
  text: string;
}

/** The same with any configuration. */
export async function startNginx(root: string, { folder, port, text }: Configured): Promise<RunningProxy> {
  const file = join(folder, "nginx.conf");
  // Started by root it would give its workers to a user that may not exist.
  const user = process.getuid?.() === 0 ? "user root;\n" : "";
  await write(file, user + text);
  const log = join(folder, "nginx.log");
  return start([await findNginx(root), "-e", log, "-p", folder, "-c", file, "-g", "daemon off;"], port);
}

/** A Caddy with any configuration. @param trusted certificates that it believes besides, a file */
export async function startCaddy(
  root: string,
  { folder, port, text }: Configured,
  trusted: string | null = null,
): Promise<RunningProxy> {
  const file = join(folder, "Caddyfile");
  await write(file, text);
  // It keeps its state below these.
  const env = { HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder };
  return start(
    [await findCaddy(root), "run", "--adapter", "caddyfile", "--config", file],
    port,
    trusted === null ? env : { ...env, SSL_CERT_FILE: trusted },
  );
}

async function write(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
}

/** Starts a proxy and waits until it listens. @throws Error with what it said, when it does not */
async function start(
  command: [string, ...string[]],
  port: number,
  env: Record<string, string> = {},
): Promise<RunningProxy> {
  const child = spawn("/bin/sh", ["-c", GUARD, "latchkey-proxy", ...command], {
    stdio: ["pipe", "ignore", "pipe"],
    env: { ...process.env, ...env },
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
      throw new Error(`${command[0]} does not listen on port ${port}.\n${said}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}
