import { randomBytes } from "node:crypto";
import { chmod, mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type EmbeddedServer, startEmbedded } from "@/lib/db/embedded";
import { type Started, startProcess } from "@/lib/testing/spawn";
import { type RunningProxy, startProxy } from "./proxy";

/**
 * compose.yaml's topology with plain processes: PostgreSQL, web processes, workers, nginx in front. Everything lies in one
 * folder and ends with this process. The servers are those of `dist/`, as users run them: build first.
 */
export interface TopologyOptions {
  /** The repository. */
  root: string;
  /** Default: 2. */
  web?: number;
  /** Default: 1. */
  workers?: number;
  /** The proxy's; default: a free one. */
  port?: number;
  /** Further settings of every process. */
  env?: Record<string, string>;
}

/** nginx leaves out a process it could not reach for a second; whoever goes next waits until that is over. */
export const NOTICED_MS = 1_500;

export class Topology {
  /** The address of the proxy. */
  readonly url: string;
  readonly email = "topology@example.com";
  readonly password = `topology-${randomBytes(12).toString("base64url")}`;
  readonly #apiKey = `topology-${randomBytes(30).toString("base64url")}`;
  readonly masterKey = randomBytes(32).toString("base64");
  /** The running process of each place; a stopped one stays until it is started again. */
  readonly web: Started[] = [];
  readonly workers: Started[] = [];
  readonly folder: string;
  readonly #options: TopologyOptions;
  readonly #ports: number[];
  readonly #proxyPort: number;
  #database: EmbeddedServer | null = null;
  #proxy: RunningProxy | null = null;

  private constructor(options: TopologyOptions, folder: string, ports: number[]) {
    this.#options = options;
    this.folder = folder;
    const [free = 0, ...web] = ports;
    this.#proxyPort = options.port ?? free;
    this.#ports = web;
    this.url = `http://localhost:${this.#proxyPort}`;
  }

  /** Starts everything and waits until it serves. */
  static async start(options: TopologyOptions): Promise<Topology> {
    const folder = await mkdtemp(join(tmpdir(), "latchkey-topology-"));
    await chmod(folder, 0o755);
    await mkdir(join(folder, "database"), { mode: 0o755 });
    const topology = new Topology(options, folder, await freePorts(1 + (options.web ?? 2)));
    try {
      await topology.#startAll();
    } catch (error) {
      await topology.stop();
      throw error;
    }
    return topology;
  }

  /** `Authorization` of the first account's API key. */
  get authorization(): string {
    return `Basic ${Buffer.from(`${this.email}:${this.#apiKey}`).toString("base64")}`;
  }

  get databaseUrl(): string {
    if (!this.#database) throw new Error("The database does not run.");
    return this.#database.url;
  }

  /** The port of the web process at a place, past the proxy. */
  port(place: number): number {
    return this.#ports[place] as number;
  }

  async #startAll(): Promise<void> {
    await this.startDatabase();
    // At once, as an orchestrator does it: the database's lock lets one of them migrate.
    await Promise.all([
      ...this.#ports.map((_, place) => this.startWeb(place)),
      ...Array.from({ length: this.#options.workers ?? 1 }, (_, place) => this.startWorker(place)),
    ]);
    this.#proxy = await startProxy(this.#options.root, {
      folder: join(this.folder, "proxy"),
      port: this.#proxyPort,
      upstreams: this.#ports,
    });
  }

  /** Also starts it again after `killDatabase`, on the same port. */
  async startDatabase(): Promise<void> {
    this.#database = await startEmbedded(join(this.folder, "database"), () => {});
  }

  /** PostgreSQL's immediate shutdown: as a power cut, without a checkpoint. Resolves when it is gone. */
  async killDatabase(): Promise<void> {
    const { pid } = JSON.parse(await readFile(join(this.folder, "database", "embedded.json"), "utf8")) as {
      pid: number;
    };
    process.kill(pid, "SIGQUIT");
    await this.#database?.died;
  }

  async startWeb(place: number): Promise<void> {
    const child = this.#spawn({ LATCHKEY_ROLE: "web", PORT: String(this.port(place)) });
    this.web[place] = child;
    await child.line("Latchkey is ready");
  }

  async startWorker(place: number): Promise<void> {
    const child = this.#spawn({ LATCHKEY_ROLE: "worker" });
    this.workers[place] = child;
    await child.line("Latchkey's worker is ready");
  }

  /**
   * Replaces one process after the other, as an upgrade does: SIGTERM, wait for its end, start its successor, wait until the
   * proxy has noticed.
   *
   * @param beforeStop called before each is told to end
   * @returns how each ended; 0 is in order
   */
  async rollingRestart(
    beforeStop: (role: "web" | "worker", place: number) => Promise<void> = async () => {},
  ): Promise<(number | NodeJS.Signals | null)[]> {
    const ends: (number | NodeJS.Signals | null)[] = [];
    for (const place of this.workers.keys()) {
      await beforeStop("worker", place);
      ends.push(await end(this.workers[place]));
      await this.startWorker(place);
    }
    for (const place of this.web.keys()) {
      await beforeStop("web", place);
      ends.push(await end(this.web[place]));
      await this.startWeb(place);
      await new Promise((resolve) => setTimeout(resolve, NOTICED_MS));
    }
    return ends;
  }

  /** Asks the API through the proxy. Throws on anything but success. */
  async api<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: { authorization: this.authorization, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
    return JSON.parse(text) as T;
  }

  /** The status of reading a path through the proxy. */
  async try(path: string): Promise<number> {
    const response = await fetch(`${this.url}${path}`, { headers: { authorization: this.authorization } });
    await response.arrayBuffer();
    return response.status;
  }

  /** Ends everything and removes the folder. */
  async stop(): Promise<void> {
    await this.#proxy?.stop();
    await Promise.all([...this.web, ...this.workers].map((child) => end(child)));
    await this.#database?.stop();
    await rm(this.folder, { recursive: true, force: true });
  }

  #spawn(env: Record<string, string>): Started {
    return startProcess(
      join(this.#options.root, "dist", "server.mjs"),
      {
        NODE_ENV: "production",
        NEXT_TELEMETRY_DISABLED: "1",
        DATABASE_URL: this.databaseUrl,
        LATCHKEY_URL: this.url,
        LATCHKEY_MASTER_KEY: this.masterKey,
        LATCHKEY_DATA_DIR: join(this.folder, "data"),
        LATCHKEY_TRUSTED_PROXIES: "127.0.0.1",
        LATCHKEY_LOG_LEVEL: "error",
        LATCHKEY_BOOTSTRAP_EMAIL: this.email,
        LATCHKEY_BOOTSTRAP_PASSWORD: this.password,
        LATCHKEY_BOOTSTRAP_API_KEY: this.#apiKey,
        ...this.#options.env,
        ...env,
      },
      this.#options.root,
    );
  }
}

async function end(child: Started | undefined): Promise<number | NodeJS.Signals | null> {
  child?.kill("SIGTERM");
  return child ? child.ended : null;
}

/** Ports that are free now, all different. */
async function freePorts(count: number): Promise<number[]> {
  const probes = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<ReturnType<typeof createServer>>((resolve, reject) => {
          const probe = createServer();
          probe.once("error", reject);
          probe.listen(0, "127.0.0.1", () => resolve(probe));
        }),
    ),
  );
  return Promise.all(
    probes.map((probe) => {
      const address = probe.address();
      const port = typeof address === "object" && address ? address.port : 0;
      return new Promise<number>((resolve) => probe.close(() => resolve(port)));
    }),
  );
}
