import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";

/** All of standard input. At a terminal says what is waited for. */
export async function readBytes(what = "Standard input"): Promise<Buffer> {
  if (process.stdin.isTTY) process.stderr.write(`${what}, ended with Ctrl-D on a line of its own:\n`);
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

/** The same as text, to the last character. */
export async function readText(what?: string): Promise<string> {
  return (await readBytes(what)).toString("utf8");
}

/** The same without the line's end. */
export async function readInput(what?: string): Promise<string> {
  return (await readText(what)).replace(/\r?\n$/, "");
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
