import { parseArgs } from "node:util";
import type { SecretRequest } from "@/lib/sdk";
import { given, words } from "./options";
import { signedIn } from "./read";
import { UsageError } from "./usage-error";

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const;
const isMethod = (text: string): text is (typeof METHODS)[number] => (METHODS as readonly string[]).includes(text);

/**
 * `latchkey request NAME URL`: a request that Latchkey makes with the secret; the answer's body goes to stdout. Options as curl has them:
 * `-X`, `-H` (`@file`, `@-`), `-d` (`@file`, `@-`), `-i` (status and headers first), `-f` (exit code 22 from status 400 on). References
 * `{{ name.field }}` are filled in by Latchkey unless `--no-templates`.
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
      "no-templates": { type: "boolean" },
    },
  });
  const [name = "", url = ""] = words(positionals, 2);
  const method = (values.request ?? (values.data === undefined ? "GET" : "POST")).toUpperCase();
  if (!isMethod(method)) throw new UsageError(`-X must be one of ${METHODS.join(", ")}.`);
  if ([values.data, ...(values.header ?? [])].filter((text) => text === "@-").length > 1)
    throw new UsageError("Standard input can be read once only: @- stands twice.");
  const asked: SecretRequest = { url, method, headers: await headersOf(values.header ?? []) };
  if (values.data !== undefined) asked.body = await given(values.data);
  if (values["no-templates"]) asked.templates = false;
  const answer = await (await signedIn()).request(name, asked);
  if (values.include) {
    const lines = [...answer.headers].map(([header, value]) => `${header}: ${value}\n`);
    process.stdout.write(`HTTP ${answer.status}\n${lines.join("")}\n`);
  }
  process.stdout.write(new Uint8Array(await answer.arrayBuffer()));
  return values.fail && answer.status >= 400 ? 22 : 0;
}

async function headersOf(texts: string[]): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const text of texts) {
    const all = text.startsWith("@")
      ? Buffer.from(await given(text))
          .toString("utf8")
          .split(/\r?\n/)
      : [text];
    for (const line of all.filter((one) => one !== "")) {
      const [, name, value] = /^([^:\s]+):\s*(.*)$/s.exec(line) ?? [];
      // Of a file nothing is repeated: it may hold what no screen should.
      if (name === undefined || value === undefined) throw new UsageError(`-H '${text}': write it as 'Name: value'.`);
      found[name] = value;
    }
  }
  return found;
}
