import { type ChildProcess, execFile, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { GET as METRICS } from "@/app/metrics/route";
import { closeDatabase, database } from "@/lib/db/client";
import { freePort } from "@/lib/db/free-port";
import { forget, install, installed } from "@/lib/process";
import { refresher } from "@/lib/refresher/live-world";
import { readsWaiting } from "@/lib/secrets/audited-read-store";
import { lockTable } from "@/lib/testing/lock-table";
import { useOAuthWorld } from "@/lib/testing/oauth-world";
import { useReceiver } from "@/lib/testing/webhook-receiver";
import { webhookCalls } from "@/lib/testing/webhook-world";
import { ensurePrometheus } from "@/scripts/lib/prometheus.mjs";
import { metrics } from "./metrics";

/**
 * Alert rules and dashboard in a real Prometheus that scrapes this process's real /metrics: first all is quiet, then one thing after the
 * other goes wrong, mostly for real, and each alert is seen to fire. Times in the rules are shortened for it, and nothing else.
 */
const world = useOAuthWorld();
const receiver = useReceiver();
const hooks = webhookCalls(() => ({ place: world.place, auth: world.owner.basic, database: world.database }));
const RULES = readFileSync("lib/observability/alerts.yml", "utf8");
const DASHBOARD = JSON.parse(readFileSync("lib/observability/dashboard.json", "utf8"));
const ALERTS = [...RULES.matchAll(/- alert: (\w+)/g)].map((match) => match[1] as string);
/** The ranges of quick rules must hold several scrapes. */
const RANGE = "[6s]";

let folder: string;
let target: Server;
/** Another process, until it goes. */
let gone: Server;
let prometheus: ChildProcess;
let said = "";
let url: string;
let programs: string;

interface Alert {
  labels: Record<string, string>;
  state: string;
}

async function api(path: string) {
  const answer = await fetch(`${url}/api/v1/${path}`);
  return (await answer.json()) as { status: string; error?: string; data: { alerts: Alert[]; result: unknown[] } };
}
const firing = async () =>
  new Set((await api("alerts")).data.alerts.filter((one) => one.state === "firing").map((one) => one.labels.alertname));

const addressOf = (server: Server) => `127.0.0.1:${(server.address() as AddressInfo).port}`;

beforeAll(async () => {
  forget("metrics");
  programs = await ensurePrometheus();
  folder = await mkdtemp(join(tmpdir(), "latchkey-prometheus-"));
  target = createServer(async (_request, response) => {
    const answer = await METRICS(new Request("http://latchkey.test/metrics"), { params: {} });
    response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(await answer.text());
  });
  gone = createServer(
    (_request, response) => void response.writeHead(200, { "content-type": "text/plain" }).end("other 1\n"),
  );
  for (const server of [target, gone]) await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  await writeFile(join(folder, "rules.yml"), RULES.replace(/\[\d+m\]/g, RANGE).replace(/for: \d+m/g, "for: 0s"));
  await writeFile(
    join(folder, "prometheus.yml"),
    `global: { scrape_interval: 700ms, scrape_timeout: 700ms, evaluation_interval: 300ms }
rule_files: [rules.yml]
scrape_configs:
  - job_name: latchkey
    static_configs: [{ targets: ${JSON.stringify([addressOf(target), addressOf(gone)])} }]
`,
  );
  const port = await freePort();
  url = `http://127.0.0.1:${port}`;
  prometheus = spawn(join(programs, "prometheus"), [
    `--config.file=${join(folder, "prometheus.yml")}`,
    `--storage.tsdb.path=${join(folder, "data")}`,
    `--web.listen-address=127.0.0.1:${port}`,
    "--log.level=warn",
  ]);
  for (const stream of [prometheus.stdout, prometheus.stderr]) stream?.on("data", (text) => (said += text));
}, 300_000);

afterAll(async () => {
  if (prometheus && prometheus.exitCode === null) {
    const ended = new Promise((resolve) => prometheus.once("exit", resolve));
    prometheus.kill("SIGKILL");
    await ended;
  }
  for (const server of [target, gone]) {
    server?.closeAllConnections();
    server?.close();
  }
  if (folder) await rm(folder, { recursive: true, force: true });
  forget("metrics");
});

/** The families that metrics.ts declares, and the names Prometheus makes of them. */
async function declared(): Promise<Set<string>> {
  const families = await metrics().registry.getMetricsAsJSON();
  return new Set(
    families.flatMap(({ name, type }) =>
      (type as unknown) === "histogram" ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
    ),
  );
}

const panels = DASHBOARD.panels as {
  id: number;
  type: string;
  title: string;
  gridPos: { h: number; w: number; x: number; y: number };
  targets?: { refId: string; expr: string; datasource: unknown }[];
}[];
const expressions = panels.flatMap((panel) => (panel.targets ?? []).map(({ expr }) => ({ title: panel.title, expr })));

describe("the files", () => {
  it("name metrics that exist, and every one that does", async () => {
    const known = await declared();
    const text = `${RULES}\n${expressions.map(({ expr }) => expr).join("\n")}`;
    const used = new Set([...text.matchAll(/\blatchkey_[a-z_]+/g)].map((match) => match[0]));
    expect([...used].filter((name) => !known.has(name))).toEqual([]);
    const unused = [...known].filter((name) => !used.has(name) && !/_(sum|count)$/.test(name));
    expect(unused).toEqual([]);
  });

  it("are rules that promtool takes, each with a severity and words", async () => {
    const { stdout } = await promisify(execFile)(join(programs, "promtool"), [
      "check",
      "rules",
      "lib/observability/alerts.yml",
    ]);
    expect(stdout).toContain(`SUCCESS: ${ALERTS.length} rules found`);
    expect(RULES.match(/severity: (critical|warning)/g)).toHaveLength(ALERTS.length);
    expect(RULES.match(/ description: "/g)).toHaveLength(ALERTS.length);
  });

  it("are a dashboard that Grafana takes: ids, places, sources", () => {
    expect(DASHBOARD).toMatchObject({ uid: "latchkey", schemaVersion: 38 });
    expect(new Set(panels.map((panel) => panel.id)).size).toBe(panels.length);
    const cells = new Set<string>();
    for (const { title, type, gridPos, targets } of panels) {
      expect(["row", "stat", "timeseries"]).toContain(type);
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(cells.has(`${x} ${y}`), `${title} covers another panel`).toBe(false);
          cells.add(`${x} ${y}`);
        }
      if (type !== "row") expect(targets?.length, title).toBeGreaterThan(0);
      for (const one of targets ?? [])
        expect(one.datasource).toEqual({ type: "prometheus", uid: "${" + "datasource}" });
    }
  });
});

describe("a real Prometheus", () => {
  const until = async (what: string, test: () => Promise<boolean>) => {
    await expect.poll(test, { timeout: 40_000, interval: 250, message: `${what}\n${said}` }).toBe(true);
  };

  it("sees nothing wrong with a Latchkey that is well", { timeout: 60_000 }, async () => {
    const secret = await world.addSecret();
    await world.token(secret.id);
    await until("a scrape", async () => {
      const answer = await api("query?query=latchkey_database_up").catch(() => null);
      return (answer?.data.result.length ?? 0) > 0;
    });
    // Every rule is judged once more on what was scraped.
    const since = Date.now() + 600;
    await until("judgement", async () => {
      const judged = await rules();
      return judged.length === ALERTS.length && judged.every((rule) => Date.parse(rule.lastEvaluation) > since);
    });
    expect((await rules()).filter((rule) => rule.health !== "ok")).toEqual([]);
    // Polled, because a scrape that this busy machine delays looks like a process that is gone.
    await expect.poll(async () => [...(await firing())], { timeout: 20_000 }).toEqual([]);
  });

  it("fires every alert when its time has come", { timeout: 120_000 }, async () => {
    const seen = new Set<string>();
    const missing = () => ALERTS.filter((name) => !seen.has(name));
    const look = async () => {
      for (const name of await firing()) if (name) seen.add(name);
    };
    const owner = world.database.owner;
    const ids: string[] = [];
    for (let n = 0; n < 4; n++) ids.push((await world.addSecret()).id);
    const [late, expired, lapsed, dying] = ids as [string, string, string, string];

    // In the database, for real.
    await owner`update token_state set refresh_due_at = now() - interval '1 hour' where secret_id = ${late}`;
    await owner`update token_state set expires_at = now() - interval '1 hour' where secret_id = ${expired}`;
    await owner`update token_state set refresh_due_at = now() - interval '1 min', lease_holder = 'dead', lease_until = now() - interval '1 min'
                 where secret_id = ${lapsed}`;
    const broken = await world.addClient();
    await owner`insert into auth_client_state (tenant_id, auth_client_id, problem)
      select tenant_id, ${broken}, '{"code":"client_rejected"}'::jsonb from token_state where secret_id = ${late}`;
    // A grant that the provider refuses for good.
    await owner`update token_state set status = 'suspect', suspect_since = now() - interval '2 min', refresh_due_at = now(),
      expires_at = now() - interval '1 s' where secret_id = ${dying}`;
    world.idp.always({ error: { code: "invalid_grant" } });
    await owner`update auth_client_state set last_ok_at = now()`;
    await world.token(dying);
    world.idp.always(null);
    // In this process: a host that stays silent, an answer the database does not take.
    const { hosts, world: protocol } = refresher();
    for (let calls = 0; calls < 20; calls++) {
      const entry = hosts.tryEnter("silent.test", "t");
      if (entry.kind === "in") entry.ticket.leave("silent");
    }
    protocol.reportStoreTrouble(new Error("no"));
    // A webhook that wants no more, one whose receiver fails, and no worker for the messages that are due now.
    receiver.respond = ({ path }, response) => void response.writeHead(path === "/gone" ? 410 : 500).end();
    for (const path of ["gone", "failing"]) await hooks.add({ url: `${receiver.url}/${path}` });
    await world.addSecret();
    await hooks.later("11 s");
    expect(await hooks.round()).toBe(2);
    await hooks.later("1 hour");
    // A process that is gone.
    gone.closeAllConnections();
    gone.close();

    // The audit trail cannot be written: callers get 503, which are server errors too. What takes long or many is counted as it would be.
    await owner`alter table audit_entries rename to audit_away`;
    const quiet = new Set(["LatchkeyDatabaseDown", "LatchkeyAuditLag", "LatchkeyPoolExhausted"]);
    const all = metrics();
    await until("the first alerts", async () => {
      expect((await world.token(late)).status).toBe(503);
      for (let n = 0; n < 12; n++) all.requests.inc({ route: "GET /v2/tenants/{id}", status: "5xx" });
      all.refreshes.inc({ cause: "due", outcome: "unknown" }, 20);
      all.conflicts.inc({ at: "moved" }, 20);
      all.leaseWait.observe(8);
      all.requestSeconds.observe({ route: "GET /v2/workspaces/{workspaceId}/secrets/{secretId}/token" }, 8);
      await look();
      return missing().every((name) => quiet.has(name));
    }).catch((error: unknown) => {
      throw new Error(`These did not fire: ${missing().filter((name) => !quiet.has(name))}`, { cause: error });
    });
    expect(seen).not.toContain("LatchkeyDatabaseDown");
    await owner`alter table audit_away rename to audit_entries`;

    // The trail is locked, and the pool is used up by those who wait for it. What the database says is remembered meanwhile.
    await METRICS(new Request("http://latchkey.test/metrics"), { params: {} });
    const remembered = installed<{ until: number }>("database-gauges");
    if (remembered) remembered.until = Number.POSITIVE_INFINITY;
    const unlock = await lockTable(owner, "audit_entries");
    const waiting: Promise<unknown>[] = [world.token(late)];
    try {
      // Who is asking must be known before the pool is used up.
      await until("a read that waits for its entry", async () => readsWaiting().count === 1);
      for (let n = 0; n < 14; n++) waiting.push(database().sql`select 1 from audit_entries limit 1`);
      await until("the lag and the pool", async () => {
        await look();
        return missing().every((name) => name === "LatchkeyDatabaseDown");
      });
    } finally {
      await unlock();
      await Promise.all(waiting);
    }

    // The database is gone.
    await closeDatabase();
    install("databaseUrl", "postgres://nobody@127.0.0.1:1/nothing");
    forget("database-gauges");
    await until("the database's alert", async () => {
      await look();
      return missing().length === 0;
    });
    forget("database");
    install("databaseUrl", world.database.url);
    expect([...seen].sort()).toEqual([...ALERTS].sort());
  });

  it("has something to show in every panel", { timeout: 60_000 }, async () => {
    const empty = new Set<string>();
    const look = async () => {
      empty.clear();
      for (const one of expressions) await ask(one);
      return empty.size === 0;
    };
    const ask = async ({ title, expr }: (typeof expressions)[number]) => {
      const quick = expr.replaceAll("$instance", ".*").replaceAll("[$__rate_interval]", "[2m]");
      const answer = await api(`query?query=${encodeURIComponent(quick)}`);
      expect(answer.status, `${title}: ${answer.error}`).toBe("success");
      if (answer.data.result.length === 0) empty.add(`${title}: ${expr}`);
    };
    // The database is back, which the next scrapes show.
    await until("every panel", look).catch(() => undefined);
    expect([...empty]).toEqual([]);
  });

  async function rules(): Promise<{ name: string; health: string; lastEvaluation: string }[]> {
    const answer = (await (await fetch(`${url}/api/v1/rules`)).json()) as {
      data: { groups: { rules: { name: string; health: string; lastEvaluation: string }[] }[] };
    };
    return answer.data.groups.flatMap((group) => group.rules);
  }
});
