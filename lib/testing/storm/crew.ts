import { readdir, readFile, readlink, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { afterAll } from "vitest";
import { mac } from "@/lib/crypto/mac";
import type { Grant, IdpKind } from "@/lib/testing/idp-grants";
import type { OAuthWorld } from "@/lib/testing/oauth-world";
import type { Burst, BurstReport, ReaderReport, ReaderTask } from "@/lib/testing/processes/latchkey";
import { bundleProcesses, type Started, startProcess } from "@/lib/testing/spawn";
import { type Blow, type Judgement, judge, type LedgerRow, type Row } from "./judge";

/** Storms run small within `npm test`, and as FAULTS.md asks with `npm run test:storm -- --full`. */
export const FULL = process.env.LATCHKEY_STORM_FULL === "1";

export const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits for something that must come; gives up only when it will not come any more. */
export async function until<T>(look: () => Promise<T | false> | T | false, what: string, ms = 120_000): Promise<T> {
  for (const end = performance.now() + ms; ; ) {
    const found = await look();
    if (found) return found;
    if (performance.now() > end) throw new Error(`It did not come about: ${what}.`);
    await pause(50);
  }
}

/** What the storm found out, for a person. */
export function tellFigures(storm: string, figures: Record<string, unknown>): void {
  const text = Object.entries(figures).map(([name, value]) => `${name} ${value}`);
  process.stdout.write(`storm ${storm}: ${text.join(", ")}\n`);
}

export interface StormSecret {
  id: string;
  grantId: string;
}

/** The processes of a storm, on the world's database and provider. All end with the test file. */
export class Crew {
  readonly #world: OAuthWorld;
  readonly #started: Started[] = [];
  readonly blows: Blow[] = [];
  /** Once, also when several are launched at the same moment: one that starts while its file is written anew is empty, and ends. */
  #bundled: ReturnType<typeof bundleProcesses> | null = null;

  constructor(world: OAuthWorld) {
    this.#world = world;
    afterAll(async () => {
      for (const child of this.#started) child.kill("SIGKILL");
      await Promise.all(this.#started.map((child) => child.ended));
      if (this.#bundled) await rm(dirname((await this.#bundled).idp), { recursive: true, force: true });
    });
  }

  /** @returns when it is ready */
  async worker(env: Record<string, string> = {}): Promise<Started> {
    return this.#launch(env);
  }

  async reader(task: Partial<ReaderTask> = {}, env: Record<string, string> = {}): Promise<Started> {
    const whole: ReaderTask = {
      authorization: this.#world.task.basic.authorization as string,
      workspaceId: this.#world.place.workspaceId,
      secretIds: [],
      api: `${this.#world.idp.url}/api`,
      concurrency: 4,
      ...task,
    };
    return this.#launch({ ...env, LATCHKEY_TEST_READER: JSON.stringify(whole) });
  }

  async #launch(env: Record<string, string>): Promise<Started> {
    this.#bundled ??= bundleProcesses();
    const { latchkey } = await this.#bundled;
    const { database } = this.#world;
    const child = startProcess(latchkey, {
      DATABASE_URL: database.url,
      LATCHKEY_MASTER_KEY: database.settings.masterKey as string,
      LATCHKEY_EGRESS_ALLOW: "127.0.0.1",
      LATCHKEY_LOG_LEVEL: "error",
      LATCHKEY_DB_POOL: "6",
      ...env,
    });
    this.#started.push(child);
    await child.line("ready");
    return child;
  }

  /** SIGKILL, remembering which connections were its own: it is stopped for that moment, so that they are exactly those. */
  async kill(child: Started): Promise<Blow> {
    const blow = await this.stop(child);
    blow.kind = "killed";
    child.kill("SIGKILL");
    await child.ended;
    // What it had written is read to its end by the provider before that sees the connection close.
    await until(() => ![...blow.ports].some((port) => this.#world.idp.ports.has(port)), "connections to close");
    blow.at = Date.now();
    return blow;
  }

  /** SIGCONT: what comes from now on is no longer excused. */
  go(child: Started, blow: Blow): void {
    blow.at = Date.now();
    child.kill("SIGCONT");
  }

  /** SIGSTOP, until `go`. */
  async stop(child: Started): Promise<Blow> {
    child.kill("SIGSTOP");
    await until(
      async () => /^State:\s+[Tt]/m.test(await readFile(`/proc/${child.pid}/status`, "utf8")),
      "a stopped process",
    );
    const blow: Blow = { at: Number.POSITIVE_INFINITY, kind: "stopped", ports: await portsOf(child.pid) };
    this.blows.push(blow);
    return blow;
  }

  /** Ends a reader in order, for its report. */
  async report(reader: Started): Promise<ReaderReport> {
    reader.kill("SIGTERM");
    return JSON.parse((await reader.line("report ")).slice(7)) as ReaderReport;
  }

  /** The same burst in every reader at once; their answers added up. */
  async burst(readers: readonly Started[], burst: Burst): Promise<BurstReport> {
    const reports = await Promise.all(
      readers.map(async (reader) => {
        const before = reader.lines.filter((line) => line.startsWith("burst ")).length;
        reader.say(JSON.stringify(burst));
        const line = await until(
          () => reader.lines.filter((one) => one.startsWith("burst "))[before] ?? false,
          "a burst",
        );
        return JSON.parse(line.slice(6)) as BurstReport;
      }),
    );
    const sum: BurstReport = {};
    for (const report of reports)
      for (const [what, count] of Object.entries(report)) sum[what] = (sum[what] ?? 0) + count;
    return sum;
  }

  /** Secrets with grants of these kinds in turn. */
  async secrets(
    count: number,
    kinds: readonly IdpKind[],
    grant: { expiresIn: number },
    clientId?: string,
  ): Promise<StormSecret[]> {
    const made: StormSecret[] = [];
    for (let n = 0; n < count; n += 20)
      made.push(
        ...(await Promise.all(
          Array.from({ length: Math.min(20, count - n) }, async (_, i) => {
            const kind = kinds[(n + i) % kinds.length] as IdpKind;
            const secret = await this.#world.addSecret({ kind, ...grant }, clientId ? { clientId } : {});
            return { id: secret.id, grantId: secret.grantId };
          }),
        )),
      );
    return made;
  }

  /** Rows that are neither leased nor waiting to be sent or looked at again: the storm is over for all of them. */
  async atRest(): Promise<void> {
    await until(async () => {
      const [row] = await this.#world.database.owner<{ n: number }[]>`
        select count(*)::int as n from token_state where lease_holder is not null and lease_until > now()`;
      return row?.n === 0;
    }, "leases to end");
  }

  /** Waits until every secret is past this generation, whatever the database does meanwhile. @returns how long that took, ms */
  async landedPast(generation: number): Promise<number> {
    const began = performance.now();
    await until(async () => {
      const rows = await this.#world.database.owner<{ n: number }[]>`
        select count(*)::int as n from token_state where generation <= ${generation}`.catch(() => null);
      return rows?.[0]?.n === 0;
    }, "everything to be landed");
    return Math.round(performance.now() - began);
  }

  /** The verdict, from the provider's and the database's own record. */
  async judge(secrets: readonly StormSecret[], more: { providerLostAnswers?: boolean } = {}): Promise<Judgement> {
    const { owner } = this.#world.database;
    const { idp } = this.#world;
    const rows = await owner<Row[]>`select secret_id, status, generation, suspect_since from token_state`;
    const ledger = await owner<LedgerRow[]>`select secret_id, token_mac, standing from token_ledger`;
    return judge({
      secrets,
      grants: idp.grants.grants as ReadonlyMap<string, Grant>,
      rows: new Map(rows.map((row) => [row.secret_id, row])),
      ledger,
      blows: this.blows,
      macOf: (token) => mac("refresh-token", token),
      acceptsRefresh: (token) => idp.grants.acceptsRefresh(token),
      ...more,
    });
  }
}

/** Local ends of the TCP connections of a process, from /proc. */
async function portsOf(pid: number): Promise<Set<number>> {
  const inodes = new Set<string>();
  for (const fd of await readdir(`/proc/${pid}/fd`)) {
    const target = await readlink(`/proc/${pid}/fd/${fd}`).catch(() => "");
    const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
    if (inode) inodes.add(inode);
  }
  const ports = new Set<number>();
  for (const file of ["tcp", "tcp6"])
    for (const line of (await readFile(`/proc/${pid}/net/${file}`, "utf8").catch(() => "")).split("\n").slice(1)) {
      const columns = line.trim().split(/\s+/);
      if (inodes.has(columns[9] ?? "")) ports.add(Number.parseInt(columns[1]?.split(":")[1] ?? "", 16));
    }
  return ports;
}
