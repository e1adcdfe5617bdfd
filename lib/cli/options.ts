import { readFile } from "node:fs/promises";
import { readBytes } from "./ask";
import { UsageError, WrongWords } from "./usage-error";

/**
 * The words of a command that are no options, as many as it takes.
 *
 * @throws WrongWords, which is answered with how the command is used
 */
export function words(positionals: string[], least: number, most = least): string[] {
  if (positionals.length > most) throw new WrongWords("Too many words. A name with spaces stands in quotes.");
  if (positionals.length < least || positionals.some((word) => word === "")) throw new WrongWords("A word is missing.");
  return positionals;
}

/** The only word of a command. @throws WrongWords */
export function oneWord(positionals: string[]): string {
  return words(positionals, 1)[0] as string;
}

/** @throws UsageError */
export function wholeSeconds(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,7}$/.test(text)) throw new UsageError(`${option} is a whole number of seconds.`);
  return Number(text);
}

/** What an option holds as curl has it: `@file` and `@-` name a file and standard input, which other users of the machine cannot see. */
export async function given(text: string): Promise<string | Uint8Array> {
  if (!text.startsWith("@")) return text;
  const path = text.slice(1);
  return path === "-" ? readBytes() : readFile(path);
}
