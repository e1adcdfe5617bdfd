import { UsageError } from "./usage-error";

/** The only argument of a command. @throws UsageError with `usage` */
export function oneArgument(positionals: string[], usage: string): string {
  const [one, ...more] = positionals;
  if (!one || more.length > 0) throw new UsageError(usage);
  return one;
}

/** @throws UsageError */
export function wholeSeconds(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,7}$/.test(text)) throw new UsageError(`${option} is a whole number of seconds.`);
  return Number(text);
}
