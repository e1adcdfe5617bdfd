import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";

/** All of standard input, without the line's end. */
export async function readInput(): Promise<string> {
  let text = "";
  for await (const chunk of process.stdin) text += chunk;
  return text.replace(/\r?\n$/, "");
}

/** Asks at the terminal; what is typed to a `hidden` question is not shown. Questions go to stderr, so that stdout holds answers only. */
export async function ask(question: string, hidden = false): Promise<string> {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const output = hidden ? silent : process.stderr;
  if (hidden) process.stderr.write(question);
  const lines = createInterface({ input: process.stdin, output, terminal: process.stdin.isTTY });
  try {
    return (await lines.question(hidden ? "" : question)).trim();
  } finally {
    lines.close();
    if (hidden) process.stderr.write("\n");
  }
}
