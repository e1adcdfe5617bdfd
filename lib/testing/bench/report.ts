/** What the bench prints: a line while it works, a table when it is done. */

/** Every row so far; printed again as a whole at the end. */
export const table: string[] = [];

/** Adds a part with its lines of name and value, and prints it. */
export function rows(title: string, lines: [string, string][]): void {
  const width = Math.max(...lines.map(([name]) => name.length));
  const text = [title, ...lines.map(([name, value]) => `  ${name.padEnd(width)}   ${value}`), ""];
  table.push(...text);
  process.stdout.write(`\n${text.join("\n")}\n`);
}

export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

export function fixed(value: number, width: number): string {
  return String(Math.round(value)).padStart(width);
}

export function mb(bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024)} MB`;
}

export function kb(bytes: number): string {
  return `${Math.round(bytes / 1024)} KB`;
}

/** A figure beside what it should be. */
export function judged(value: string, aim: string, met: boolean): string {
  return `${value}   (aim ${aim}: ${met ? "met" : "NOT MET"})`;
}
