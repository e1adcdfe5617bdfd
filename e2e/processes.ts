import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The processes the stories run against: a Latchkey from the build with a folder of its own, and a real provider. */

const ROOT = join(import.meta.dirname, "..");
const START_MS = 60_000;

export interface Latchkey {
  url: string;
  port: number;
  folder: string;
  /** Everything it printed: terminal and log, at level trace. */
  output(): string;
  /** The link printed at a start without an account. */
  setupLink(): string;
  /** Runs one of scripts/*.mjs on this folder and gives what it printed. */
  run(script: string, ...args: string[]): Promise<string>;
  /** Sends its process a signal and waits until it has ended; the folder stays. */
  kill(signal: NodeJS.Signals): Promise<void>;
  stop(): Promise<void>;
}

/** The account of a server started with `account: true`. */
export const ACCOUNT = {
  email: "ada@example.com",
  password: "correct horse battery staple",
  apiKey: `e2e-${randomBytes(24).toString("base64url")}`,
};

export async function startLatchkey(
  options: {
    account?: boolean;
    env?: Record<string, string>;
    provider?: Provider;
    /** One that an earlier server left, instead of a new one. */
    folder?: string;
  } = {},
): Promise<Latchkey> {
  const port = await freePort();
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), "latchkey-e2e-")));
  await chmod(folder, 0o755);
  // Not localhost: the provider's cookies must not be ours. Behind a proxy it is the proxy's.
  const url = options.env?.LATCHKEY_URL ?? `http://127.0.0.1:${port}`;
  const env: Record<string, string | undefined> = {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    LATCHKEY_NEXT_DIST: process.env.LATCHKEY_NEXT_DIST,
    NODE_ENV: "production",
    NEXT_TELEMETRY_DISABLED: "1",
    PORT: String(port),
    LATCHKEY_URL: url,
    LATCHKEY_DATA_DIR: folder,
    LATCHKEY_LOG_LEVEL: "trace",
    ...(options.provider ? { LATCHKEY_EGRESS_ALLOW: new URL(options.provider.issuer).host } : {}),
    ...(options.account
      ? {
          LATCHKEY_BOOTSTRAP_EMAIL: ACCOUNT.email,
          LATCHKEY_BOOTSTRAP_PASSWORD: ACCOUNT.password,
          LATCHKEY_BOOTSTRAP_API_KEY: ACCOUNT.apiKey,
        }
      : {}),
    ...options.env,
  };
  const bundle = join(ROOT, `dist${process.env.LATCHKEY_NEXT_DIST ?? ""}`, "server.mjs");
  const script = `await (await import(${JSON.stringify(`file://${bundle}`)})).ready;`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    cwd: ROOT,
    env: env as NodeJS.ProcessEnv,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output = collect(child);
  await until(child, output, (text) => text.includes(`Latchkey is ready: ${url}`));
  return {
    url,
    port,
    folder,
    output,
    setupLink: () => {
      const link = /^Set up: (\S+)$/m.exec(output())?.[1];
      if (!link) throw new Error(`No set-up link was printed:\n${output()}`);
      return link;
    },
    run: async (name, ...args) => {
      const other = spawn(process.execPath, [join("scripts", `${name}.mjs`), ...args], {
        cwd: ROOT,
        env: env as NodeJS.ProcessEnv,
        stdio: ["ignore", "pipe", "pipe"],
      });
      const printed = collect(other);
      const code = await new Promise((resolve) => other.once("close", resolve));
      if (code !== 0) throw new Error(`${name} ended with ${code}:\n${printed()}`);
      return printed();
    },
    kill: async (signal) => {
      const ended = new Promise((resolve) => child.once("close", resolve));
      child.kill(signal);
      await ended;
    },
    stop: async () => {
      await end(child);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export interface Provider {
  issuer: string;
  /** Registers a client (RFC 7591). */
  register(redirectUri: string): Promise<{ clientId: string; clientSecret: string }>;
  /** Registers one that asks for itself. */
  registerForItself(): Promise<{ clientId: string; clientSecret: string }>;
  /** How often a refresh token was redeemed. */
  refreshes(): Promise<number>;
  /** The status userinfo answers to this access token. */
  accepts(accessToken: string): Promise<number>;
  stop(): Promise<void>;
}

export async function startProvider(): Promise<Provider> {
  const port = await freePort();
  const issuer = `http://localhost:${port}`;
  const child = spawn(process.execPath, [join(import.meta.dirname, "provider.mjs"), String(port)], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  const output = collect(child);
  await until(child, output, (text) => text.includes("ready\n"));
  const register = async (metadata: Record<string, unknown>) => {
    const response = await fetch(`${issuer}/reg`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ ...metadata, client_name: "Latchkey", token_endpoint_auth_method: "client_secret_basic" }),
    });
    const body = (await response.json()) as { client_id: string; client_secret: string };
    if (!response.ok) throw new Error(JSON.stringify(body));
    return { clientId: body.client_id, clientSecret: body.client_secret };
  };
  return {
    issuer,
    register: (redirectUri) =>
      register({
        redirect_uris: [redirectUri],
        grant_types: ["authorization_code", "refresh_token"],
        response_types: ["code"],
      }),
    registerForItself: () => register({ redirect_uris: [], grant_types: ["client_credentials"], response_types: [] }),
    refreshes: async () => Number(await (await fetch(`${issuer}/test/refreshes`)).text()),
    accepts: async (token) => (await fetch(`${issuer}/me`, { headers: { authorization: `Bearer ${token}` } })).status,
    stop: () => end(child),
  };
}

function collect(child: ChildProcess): () => string {
  const pieces: Buffer[] = [];
  child.stdout?.on("data", (piece: Buffer) => pieces.push(piece));
  child.stderr?.on("data", (piece: Buffer) => pieces.push(piece));
  return () => Buffer.concat(pieces).toString("utf8");
}

async function until(child: ChildProcess, output: () => string, isReady: (text: string) => boolean): Promise<void> {
  const deadline = Date.now() + START_MS;
  while (!isReady(output())) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`It ended at start:\n${output()}`);
    if (Date.now() > deadline) {
      await end(child);
      throw new Error(`It did not start in time:\n${output()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once("close", resolve));
  child.kill("SIGTERM");
  const hard = setTimeout(() => child.kill("SIGKILL"), 20_000);
  await ended;
  clearTimeout(hard);
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}

/** The folder's file, such as the log of the embedded database. */
export const fileOf = (latchkey: Latchkey, name: string) => readFile(join(latchkey.folder, name), "utf8");
