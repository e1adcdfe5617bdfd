/** Where pino writes its JSON lines. */
export interface LineSink {
  write(line: string): void;
}

const LEVELS: Record<number, string> = { 10: "trace", 20: "debug", 30: "info", 40: "warn", 50: "error", 60: "fatal" };
/** What a request or a refresh is about; the rest follows as name=value. */
const FIRST = ["method", "path", "status", "outcome", "durationMs"] as const;
const HIDDEN = new Set<string>(["level", "time", "pid", "msg", ...FIRST]);

/**
 * Turns pino's JSON lines into lines for a person at a terminal: `14:03:07.120 info request GET /readyz 200 3.1ms id=…`. Made of the
 * finished JSON, so that it can show nothing that the JSON would not hold.
 *
 * @param print takes one finished line with its line end
 */
export function readableLines(print: (text: string) => void): LineSink {
  return { write: (line) => print(`${readable(line)}\n`) };
}

function readable(line: string): string {
  const event = JSON.parse(line) as Record<string, unknown>;
  const clock = String(event.time).slice(11, 23);
  const first = FIRST.filter((name) => event[name] !== undefined).map((name) =>
    name === "durationMs" ? `${event[name]}ms` : String(event[name]),
  );
  const rest = Object.entries(event)
    .filter(([name]) => !HIDDEN.has(name))
    .map(([name, value]) => `${name}=${value}`);
  const parts = [clock, (LEVELS[event.level as number] ?? "").padEnd(5), String(event.msg), ...first, ...rest];
  return parts.join(" ").replace(/\p{Cc}/gu, " ");
}
