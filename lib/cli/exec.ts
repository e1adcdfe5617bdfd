import { spawn } from "node:child_process";
import { constants } from "node:os";
import { parseArgs } from "node:util";
import { LatchkeyError, type LatchkeySteps } from "@/lib/sdk";
import { signedIn } from "./read";
import { UsageError, WrongWords } from "./usage-error";

/**
 * `latchkey exec`: runs a command with values of secrets in its environment, and nowhere else. Without a member it is the access token or
 * the password. Latchkey's own key is not handed on.
 *
 * @returns the command's exit code; 128 and the signal's number when a signal ended it; 127 when there is no such command, 126 when it
 *   cannot be run
 */
export async function exec(args: string[]): Promise<number> {
  const cut = args.indexOf("--");
  const [command, ...rest] = cut < 0 ? [] : args.slice(cut + 1);
  const { values } = parseArgs({
    args: args.slice(0, cut < 0 ? undefined : cut),
    options: { env: { type: "string", multiple: true } },
  });
  if (!command) throw new WrongWords("The command is missing: it stands after --.");
  if (!values.env?.length) throw new WrongWords("No --env says what the command is to be given.");
  const latchkey = await signedIn();
  const env = { ...process.env };
  delete env.LATCHKEY_KEY;
  for (const pair of values.env) {
    const [, variable, reference] = /^([A-Za-z_][A-Za-z0-9_]*)=(.+)$/s.exec(pair) ?? [];
    if (!variable || !reference)
      throw new UsageError(`--env ${pair}: write it as VARIABLE=NAME or VARIABLE=NAME.MEMBER.`);
    env[variable] = await lookUp(latchkey, reference);
  }
  return run(command, rest, env);
}

/** A name may hold dots, so the whole reference is tried as one first. */
async function lookUp(latchkey: LatchkeySteps, reference: string): Promise<string> {
  const [, name, member] = /^(.+)\.([A-Za-z_]\w*)$/s.exec(reference) ?? [];
  try {
    return await onlyValue(latchkey, reference);
  } catch (error) {
    if (!(error instanceof LatchkeyError) || error.status !== 404 || !name || !member) throw error;
    return memberOf(latchkey, name, member);
  }
}

async function onlyValue({ secrets }: LatchkeySteps, name: string): Promise<string> {
  const [value, ...more] = Object.values(await secrets.getHeaders(name));
  if (value === undefined || more.length > 0 || value.startsWith("Basic "))
    throw new UsageError(`“${name}” is not one value. Name one of its members: ${name}.password`);
  return value.replace(/^Bearer /, "");
}

async function memberOf({ secrets }: LatchkeySteps, name: string, member: string): Promise<string> {
  const { values } = await secrets.getValues(name);
  const value = Object.hasOwn(values, member) ? values[member] : undefined;
  if (typeof value !== "string")
    throw new UsageError(`“${name}” has no ${member}. It has: ${Object.keys(values).join(", ") || "nothing"}.`);
  return value;
}

function run(command: string, args: string[], env: NodeJS.ProcessEnv): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, stdio: "inherit" });
    const pass = (signal: NodeJS.Signals) => child.kill(signal);
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, pass);
    child.on("error", (error: NodeJS.ErrnoException) => {
      const code = error.code === "ENOENT" ? 127 : error.code === "EACCES" ? 126 : null;
      if (code === null) return reject(error);
      process.stderr.write(`latchkey: ${code === 127 ? "there is no command" : "may not run"} ${command}\n`);
      resolve(code);
    });
    child.on("exit", (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)));
  });
}
