import { missingColumns, pingDatabase } from "@/lib/accounts/readiness-store";
import { systemClock } from "@/lib/clock";
import { keyringOpens } from "@/lib/crypto/open-keyring";
import { errorFields, log } from "@/lib/observability/log";
import { sweepSilentMs } from "@/lib/refresher/gauges";

export type CheckName = "database" | "key" | "schema" | "refresher";
/** unknown: it cannot be judged while the database is away. */
export type CheckState = "ok" | "failing" | "unknown";

export interface Readiness {
  ready: boolean;
  /** `refresher` is there in a process that refreshes. */
  checks: Partial<Record<CheckName, CheckState>>;
  /** One for each failing check: what is wrong, and what its operator can do. Holds nothing of this installation. */
  problems: { check: CheckName; detail: string; action: string }[];
}

const PATIENCE_MS = 3_000;
/** The sweep comes round every half second; one that has not for so long hangs. */
const SWEEP_SILENT_MS = 60_000;

const WRONG: Record<CheckName, { detail: string; action: string }> = {
  database: {
    detail: "The database does not answer.",
    action: "See that PostgreSQL runs, that DATABASE_URL reaches it, and that it has connections left.",
  },
  key: {
    detail: "The master key does not open this database's check value.",
    action:
      "Give the master key this database was made with (LATCHKEY_MASTER_KEY or LATCHKEY_MASTER_KEY_FILE), or restore the row master-key-check of instance_values, and start again.",
  },
  schema: {
    detail: "The database lacks columns that this version needs.",
    action: "Start this version again: it migrates the database when it starts. The log names the columns.",
  },
  refresher: {
    detail: `The refresher of this process has not come round for ${SWEEP_SILENT_MS / 1000} seconds.`,
    action: "Look into the log for what holds it up, and start the process again.",
  },
};

/** Whether this process can do its work. Never rejects and answers within seconds, whatever hangs. */
export async function checkReadiness(): Promise<Readiness> {
  const [database, key, schema] = await Promise.all([
    passes("database", async () => {
      await pingDatabase();
      return [];
    }),
    passes("key", async () => ((await keyringOpens()) ? [] : ["key"])),
    passes("schema", missingColumns),
  ]);
  const judged = (state: CheckState): CheckState => (database === "ok" ? state : "unknown");
  const silentMs = sweepSilentMs();
  const checks: Readiness["checks"] = {
    database,
    key: judged(key),
    schema: judged(schema),
    ...(silentMs === null ? {} : { refresher: silentMs < SWEEP_SILENT_MS ? "ok" : "failing" }),
  };
  const failing = (Object.keys(checks) as CheckName[]).filter((name) => checks[name] === "failing");
  return {
    ready: Object.values(checks).every((state) => state === "ok"),
    checks,
    problems: failing.map((check) => ({ check, ...WRONG[check] })),
  };
}

/** @param check gives what is missing; nothing is good */
async function passes(name: CheckName, check: () => Promise<string[]>): Promise<"ok" | "failing"> {
  const over = new AbortController();
  try {
    const late = systemClock.sleep(PATIENCE_MS, over.signal).then(() => ["an answer in time"]);
    const missing = await Promise.race([check(), late]);
    if (missing.length === 0) return "ok";
    log.warn("not_ready", { outcome: name, missing: missing.slice(0, 20).join(", ") });
  } catch (error) {
    log.warn("not_ready", { outcome: name, ...errorFields(error) });
  } finally {
    over.abort();
  }
  return "failing";
}
