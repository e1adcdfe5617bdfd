import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import type { SecretRequest } from "@/lib/sdk";
import { signedIn } from "./read";
import { UsageError } from "./usage-error";

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const;
const isMethod = (text: string): text is (typeof METHODS)[number] => (METHODS as readonly string[]).includes(text);

/**
 * `latchkey request NAME URL`: a request that Latchkey makes with the secret; the answer's body goes to stdout. Options as curl has them:
 * `-X`, `-H`, `-d` (`@file`, `@-`), `-i` (status and headers first), `-f` (exit code 22 from status 400 on).
 */
export async function request(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      request: { type: "string", short: "X" },
      header: { type: "string", short: "H", multiple: true },
      data: { type: "string", short: "d" },
      include: { type: "boolean", short: "i" },
      fail: { type: "boolean", short: "f" },
    },
  });
  const [name, url, ...more] = positionals;
  if (!name || !url || more.length > 0)
    throw new UsageError("latchkey request NAME URL [-X METHOD] [-H 'Name: value'] [-d DATA]");
  const method = (values.request ?? (values.data === undefined ? "GET" : "POST")).toUpperCase();
  if (!isMethod(method)) throw new UsageError(`-X must be one of ${METHODS.join(", ")}.`);
  const asked: SecretRequest = { url, method, headers: headersOf(values.header ?? []) };
  if (values.data !== undefined) asked.body = await dataOf(values.data);
  const answer = await (await signedIn()).request(name, asked);
  if (values.include) {
    const lines = [...answer.headers].map(([header, value]) => `${header}: ${value}\n`);
    process.stdout.write(`HTTP ${answer.status}\n${lines.join("")}\n`);
  }
  process.stdout.write(new Uint8Array(await answer.arrayBuffer()));
  return values.fail && answer.status >= 400 ? 22 : 0;
}

function headersOf(lines: string[]): Record<string, string> {
  return Object.fromEntries(
    lines.map((line) => {
      const [, name, value] = /^([^:\s]+):\s*(.*)$/s.exec(line) ?? [];
      if (name === undefined || value === undefined) throw new UsageError(`-H '${line}': write it as 'Name: value'.`);
      return [name, value];
    }),
  );
}

async function dataOf(data: string): Promise<string | Uint8Array> {
  if (!data.startsWith("@")) return data;
  const path = data.slice(1);
  if (path !== "-") return readFile(path);
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}
