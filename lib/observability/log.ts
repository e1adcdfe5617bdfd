import pino from "pino";
import { settings } from "@/lib/config";
import { isoTime } from "@/lib/iso-time";
import { once } from "@/lib/process";
import { gatheredLines } from "./gathered-lines";
import { oneLine, oneLineInside } from "./one-line";
import { readableLines } from "./readable-lines";

/**
 * The only logger. One event per request and per refresh, JSON, allow-listed fields only (LG-2): what is not in `LogFields`
 * cannot be passed, so bodies, headers and upstream text never get here.
 */
export interface LogFields {
  requestId?: string;
  method?: string;
  /** Without query: a callback's query holds code and state. */
  path?: string;
  status?: number;
  durationMs?: number;
  callerKind?: string;
  callerId?: string;
  code?: string;
  secretId?: string;
  tenantId?: string;
  workspaceId?: string;
  authClientId?: string;
  generation?: number;
  host?: string;
  outcome?: string;
  /** Why a refresh was made: due, demand, probe. */
  cause?: string;
  traceId?: string;
  count?: number;
  nextAttemptAt?: string;
  /** Names of our own columns or checks. */
  missing?: string;
  /** Only the class and our own text of an error; never a driver's or provider's message with values in it. */
  error?: string;
  stack?: string;
}

function logger(): pino.Logger {
  return once("logger", () =>
    pino(
      { level: settings().logLevel, base: { pid: process.pid }, timestamp: () => `,"time":"${isoTime(Date.now())}"` },
      isReadable() ? readableLines((text) => process.stderr.write(text)) : jsonLines(),
    ),
  );
}

function jsonLines() {
  const destination = pino.destination({ fd: 2, sync: true });
  return gatheredLines((text) => void destination.write(text));
}

function isReadable(): boolean {
  const { logFormat } = settings();
  return logFormat === "text" || (logFormat === "auto" && process.stderr.isTTY === true);
}

export const log = {
  debug: (event: string, fields: LogFields = {}) => logger().debug(oneLineInside(fields), oneLine(event)),
  info: (event: string, fields: LogFields = {}) => logger().info(oneLineInside(fields), oneLine(event)),
  warn: (event: string, fields: LogFields = {}) => logger().warn(oneLineInside(fields), oneLine(event)),
  error: (event: string, fields: LogFields = {}) => logger().error(oneLineInside(fields), oneLine(event)),
};

/**
 * An unexpected error as log fields: its class, its stack without the message lines, its SQLSTATE. Messages are left out
 * because a driver quotes the offending value in them.
 */
export function errorFields(error: unknown): Pick<LogFields, "error" | "code" | "stack"> {
  if (!(error instanceof Error)) return { error: typeof error };
  const names: string[] = [];
  let code: string | undefined;
  let last: Error = error;
  for (let current: unknown = error; current instanceof Error; current = current.cause) {
    names.push(current.name);
    last = current;
    const given = (current as { code?: unknown }).code;
    if (typeof given === "string" && /^[A-Z0-9_]{2,40}$/i.test(given)) code = given;
  }
  const frames = (last.stack ?? "")
    .split("\n")
    .filter((line) => /^\s+at /.test(line))
    .slice(0, 12);
  return { error: names.join(" < "), code, stack: frames.map((line) => line.trim()).join(" | ") };
}
