import { isIP } from "node:net";
import { resolve } from "node:path";
import { z } from "zod";
import { AllowListError, parseAllowList } from "@/lib/egress/allow-list";
import { once } from "@/lib/process";

/**
 * Every setting, in one schema; the only file that reads `process.env`. All violations are reported at once, naming the
 * setting and never its value, because some of the values are secrets.
 */

const blankToUndefined = (value: unknown) => (typeof value === "string" && value.trim() === "" ? undefined : value);
const optional = <T extends z.ZodType>(schema: T) => z.preprocess(blankToUndefined, schema.optional());
const withDefault = <T extends z.ZodType>(schema: T, value: string) =>
  z.preprocess((given) => blankToUndefined(given) ?? value, schema);

const wholeNumber = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d+$/, `must be a whole number from ${min} to ${max}`)
    .transform(Number)
    .refine((n) => n >= min && n <= max, `must be a whole number from ${min} to ${max}`);

const list = z.string().transform((text) =>
  text
    .split(",")
    .map((part) => part.trim())
    .filter(Boolean),
);

/** How each entry is understood is lib/egress's; the same parser judges them here, so that a wrong one is told at start. */
const egressList = list.superRefine((entries, context) => {
  for (const entry of entries) {
    try {
      parseAllowList([entry]);
    } catch (error) {
      if (!(error instanceof AllowListError)) throw error;
      context.addIssue({
        code: "custom",
        message: `${JSON.stringify(entry)} is no IP, CIDR or host name with an optional :port`,
      });
    }
  }
});

function isAddressOrRange(text: string): boolean {
  const [address = "", bits, ...rest] = text.split("/");
  const family = isIP(address);
  return (
    family !== 0 &&
    rest.length === 0 &&
    (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128)))
  );
}

const proxyList = list.refine(
  (entries) => entries.every(isAddressOrRange),
  "must be a comma list of IP addresses or CIDR ranges; names are not looked up",
);

const publicUrl = z
  .string()
  .refine((text) => {
    if (!URL.canParse(text)) return false;
    const url = new URL(text);
    return (
      /^https?:$/.test(url.protocol) &&
      url.pathname === "/" &&
      !url.search &&
      !url.hash &&
      !url.username &&
      !url.password
    );
  }, "must be the public origin, such as https://latchkey.example.com, without path, query or user")
  .transform((text) => new URL(text).origin);

const schema = z.object({
  PORT: withDefault(wholeNumber(1, 65_535), "3000"),
  LATCHKEY_HOST: withDefault(z.string(), "127.0.0.1"),
  LATCHKEY_URL: optional(publicUrl),
  DATABASE_URL: optional(
    z.string().regex(/^postgres(ql)?:\/\//, "must be a PostgreSQL URL: postgres://user:password@host:5432/database"),
  ),
  LATCHKEY_DATA_DIR: withDefault(z.string(), "./.latchkey"),
  LATCHKEY_MASTER_KEY: optional(z.string()),
  LATCHKEY_MASTER_KEY_FILE: optional(z.string()),
  LATCHKEY_ROLE: withDefault(z.enum(["all", "web", "worker"], "must be all, web or worker"), "all"),
  LATCHKEY_STOP_DELAY_S: optional(wholeNumber(0, 20)),
  LATCHKEY_EGRESS_ALLOW: withDefault(egressList, ""),
  LATCHKEY_REFRESH_LEAD_S: withDefault(wholeNumber(5, 3600), "60"),
  LATCHKEY_AUDIT_RETENTION_DAYS: withDefault(wholeNumber(31, 36_500), "400"),
  LATCHKEY_REFRESH_HOST_CONCURRENCY: withDefault(wholeNumber(1, 128), "32"),
  LATCHKEY_REFRESH_TENANT_SHARE: withDefault(wholeNumber(1, 100), "50"),
  LATCHKEY_PASSWORD_GRANT: withDefault(z.enum(["allow", "forbid"], "must be allow or forbid"), "allow"),
  LATCHKEY_TRUSTED_PROXIES: withDefault(proxyList, ""),
  LATCHKEY_METRICS_TOKEN: optional(z.string().min(16, "must have 16 characters or more")),
  LATCHKEY_LOG_LEVEL: withDefault(
    z.enum(["silent", "error", "warn", "info", "debug", "trace"], "must be silent, error, warn, info, debug or trace"),
    "info",
  ),
  LATCHKEY_LOG_FORMAT: withDefault(z.enum(["auto", "json", "text"], "must be auto, json or text"), "auto"),
  LATCHKEY_WORKER_PORT: optional(wholeNumber(1, 65_535)),
  LATCHKEY_DB_POOL: withDefault(wholeNumber(2, 200), "10"),
  LATCHKEY_BOOTSTRAP_EMAIL: optional(z.email("must be an e-mail address")),
  LATCHKEY_BOOTSTRAP_PASSWORD: optional(z.string().min(12, "must have 12 characters or more").max(200)),
  LATCHKEY_BOOTSTRAP_API_KEY: optional(z.string().min(32, "must have 32 characters or more").max(512)),
});

/** What settings demand of each other; judged on what was given, also when some of it is wrong by itself. */
function contradictions(env: Record<string, string | undefined>): string[] {
  const given = (name: string) => (env[name] ?? "").trim() !== "";
  const found: string[] = [];
  const complain = (name: string, message: string) => found.push(`${name}: ${message}`);
  if (given("LATCHKEY_MASTER_KEY") && given("LATCHKEY_MASTER_KEY_FILE"))
    complain("LATCHKEY_MASTER_KEY_FILE", "give either LATCHKEY_MASTER_KEY or LATCHKEY_MASTER_KEY_FILE, not both");
  if (given("LATCHKEY_BOOTSTRAP_EMAIL") && !given("LATCHKEY_BOOTSTRAP_PASSWORD"))
    complain("LATCHKEY_BOOTSTRAP_PASSWORD", "is needed together with LATCHKEY_BOOTSTRAP_EMAIL");
  if (!given("LATCHKEY_BOOTSTRAP_EMAIL"))
    for (const name of ["LATCHKEY_BOOTSTRAP_PASSWORD", "LATCHKEY_BOOTSTRAP_API_KEY"])
      if (given(name)) complain("LATCHKEY_BOOTSTRAP_EMAIL", `is needed together with ${name}`);
  if (given("DATABASE_URL") && !given("LATCHKEY_MASTER_KEY") && !given("LATCHKEY_MASTER_KEY_FILE"))
    complain(
      "LATCHKEY_MASTER_KEY",
      "is needed with DATABASE_URL: several processes share that database and must share one key. Make one with: openssl rand -base64 32",
    );
  return found;
}

/** Processes of the role `web` usually stand behind a proxy that has to learn that they end. */
const WEB_STOP_DELAY_S = 2;

export interface Settings {
  port: number;
  host: string;
  /** The public origin. Redirect URIs and links come from it, never from a Host header (OA-8, SES-7). */
  url: string;
  /** True when `url` is https: cookies are then `__Host-` and Secure, and HSTS is sent. */
  secure: boolean;
  /** Undefined: the embedded server in `dataDir` is used. */
  databaseUrl: string | undefined;
  /** Absolute. */
  dataDir: string;
  masterKey: string | undefined;
  masterKeyFile: string | undefined;
  role: "all" | "web" | "worker";
  /** How long a process told to end goes on listening, while `/readyz` says that it ends. */
  stopDelayMs: number;
  egressAllow: readonly string[];
  refreshLeadS: number;
  /** A month of the audit trail is dropped when it ended so many days ago. */
  auditRetentionDays: number;
  /** Token requests at once to one host, per process. */
  refreshHostConcurrency: number;
  /** Percent of them that one tenant may hold while others wait. */
  refreshTenantShare: number;
  /** Whether tokens may be asked for with a person's user name and password (OA-17). */
  passwordGrant: "allow" | "forbid";
  trustedProxies: readonly string[];
  metricsToken: string | undefined;
  logLevel: "silent" | "error" | "warn" | "info" | "debug" | "trace";
  /** auto: lines for people where standard error is a terminal, else JSON. */
  logFormat: "auto" | "json" | "text";
  /** Where a process of role `worker` answers /healthz, /readyz and /metrics; undefined: nowhere. */
  workerPort: number | undefined;
  tracing: TracingSettings;
  /** Connections a process may hold to the database. */
  dbPool: number;
  bootstrap: { email: string; password: string; apiKey: string | undefined } | undefined;
}

export interface TracingSettings {
  /** How spans are sent; null: they are not even made. */
  encoding: "protobuf" | "json" | null;
  /** Tracing was asked for in a way that is not known here; it stays off, because no telemetry may keep tokens from being renewed. */
  complaint: string | null;
}

/**
 * What OpenTelemetry's own variables ask of tracing. Its packages read the others (endpoint, headers, sampler, resource)
 * themselves, and only when tracing is on.
 */
function readTracing(env: Record<string, string | undefined>): TracingSettings {
  const given = (name: string) => env[name]?.trim() || undefined;
  const off: TracingSettings = { encoding: null, complaint: null };
  if (given("OTEL_SDK_DISABLED")?.toLowerCase() === "true") return off;
  const exporter = given("OTEL_TRACES_EXPORTER");
  if (exporter === "none") return off;
  if (exporter !== undefined && exporter !== "otlp")
    return { encoding: null, complaint: "OTEL_TRACES_EXPORTER: only otlp and none are known; nothing is traced" };
  if (!exporter && !given("OTEL_EXPORTER_OTLP_ENDPOINT") && !given("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")) return off;
  const protocol = given("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") ?? given("OTEL_EXPORTER_OTLP_PROTOCOL");
  if (protocol === undefined || protocol === "http/protobuf") return { encoding: "protobuf", complaint: null };
  if (protocol === "http/json") return { encoding: "json", complaint: null };
  return {
    encoding: null,
    complaint: "OTEL_EXPORTER_OTLP_PROTOCOL: only http/protobuf and http/json are known; nothing is traced",
  };
}

export class SettingsError extends Error {
  /** One line per violation: `NAME: what is wrong`. */
  readonly violations: string[];
  constructor(violations: string[]) {
    super(`These settings cannot be used:\n${violations.map((line) => `  ${line}`).join("\n")}`);
    this.name = "SettingsError";
    this.violations = violations;
  }
}

/** Reads and checks all settings. Throws `SettingsError` with every violation. */
export function readSettings(env: Record<string, string | undefined>): Readonly<Settings> {
  const parsed = schema.safeParse(env);
  const violations = parsed.success
    ? []
    : parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
  violations.push(...contradictions(env));
  if (!parsed.success || violations.length > 0) throw new SettingsError(violations);
  const value = parsed.data;
  const url = value.LATCHKEY_URL ?? `http://localhost:${value.PORT}`;
  return Object.freeze({
    port: value.PORT,
    host: value.LATCHKEY_HOST,
    url,
    secure: url.startsWith("https:"),
    databaseUrl: value.DATABASE_URL,
    dataDir: resolve(value.LATCHKEY_DATA_DIR),
    masterKey: value.LATCHKEY_MASTER_KEY,
    masterKeyFile: value.LATCHKEY_MASTER_KEY_FILE,
    role: value.LATCHKEY_ROLE,
    stopDelayMs: 1000 * (value.LATCHKEY_STOP_DELAY_S ?? (value.LATCHKEY_ROLE === "web" ? WEB_STOP_DELAY_S : 0)),
    egressAllow: Object.freeze(value.LATCHKEY_EGRESS_ALLOW),
    refreshLeadS: value.LATCHKEY_REFRESH_LEAD_S,
    auditRetentionDays: value.LATCHKEY_AUDIT_RETENTION_DAYS,
    refreshHostConcurrency: value.LATCHKEY_REFRESH_HOST_CONCURRENCY,
    refreshTenantShare: value.LATCHKEY_REFRESH_TENANT_SHARE,
    passwordGrant: value.LATCHKEY_PASSWORD_GRANT,
    trustedProxies: Object.freeze(value.LATCHKEY_TRUSTED_PROXIES),
    metricsToken: value.LATCHKEY_METRICS_TOKEN,
    logLevel: value.LATCHKEY_LOG_LEVEL,
    logFormat: value.LATCHKEY_LOG_FORMAT,
    workerPort: value.LATCHKEY_WORKER_PORT,
    tracing: readTracing(env),
    dbPool: value.LATCHKEY_DB_POOL,
    bootstrap: value.LATCHKEY_BOOTSTRAP_EMAIL
      ? {
          email: value.LATCHKEY_BOOTSTRAP_EMAIL,
          password: value.LATCHKEY_BOOTSTRAP_PASSWORD as string,
          apiKey: value.LATCHKEY_BOOTSTRAP_API_KEY,
        }
      : undefined,
  });
}

/** This process's settings, read once. Tests `install("settings", …)` their own. */
export function settings(): Readonly<Settings> {
  return once("settings", () => readSettings(process.env));
}
