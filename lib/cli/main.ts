import { LatchkeyError } from "@/lib/sdk";
import { exec } from "./exec";
import { sign, verify } from "./jwt";
import { awsCredentialProcess, dockerCredential, gitCredential, kubeCredential, netrc } from "./plugs";
import { get, list, token } from "./read";
import { request } from "./request";
import { login, logout } from "./sign-in";
import { sql } from "./sql";
import { UsageError } from "./usage-error";

/** The command line: `latchkey COMMAND …`. Answers go to stdout, everything else to stderr. */

interface Command {
  /** Answers an exit code where it is not 0. */
  run(args: string[]): Promise<unknown>;
  usage: string;
  text: string;
}

const COMMANDS: Record<string, Command> = {
  login: {
    run: login,
    usage: "login [--url URL] [--user EMAIL] [--workspace ID]",
    text: "Keep an API key for this machine's user",
  },
  logout: { run: logout, usage: "logout", text: "Forget it" },
  list: { run: list, usage: "list [--json]", text: "The workspace's secrets" },
  get: { run: get, usage: "get NAME [MEMBER]", text: "A value" },
  token: { run: token, usage: "token NAME [--minimum-validity S] [--json]", text: "An access token that is valid now" },
  request: {
    run: request,
    usage: "request NAME URL [-X METHOD] [-H HEADER] [-d DATA]",
    text: "A request that Latchkey makes with the secret",
  },
  sql: { run: sql, usage: "sql NAME STATEMENT [-p VALUE] … [--write]", text: "A statement at the secret's database" },
  sign: { run: sign, usage: "sign NAME [--claims JSON] [--lifetime S]", text: "A token signed with the secret's key" },
  verify: {
    run: verify,
    usage: "verify NAME [--issuer I] [--audience A] [--scope S]",
    text: "The claims of the token on standard input",
  },
  exec: {
    run: exec,
    usage: "exec --env VAR=NAME[.MEMBER] … -- COMMAND",
    text: "A command with values in its environment",
  },
  "git-credential": {
    run: gitCredential,
    usage: "git-credential NAME get|store|erase",
    text: "For git's credential.helper",
  },
  "docker-credential": {
    run: dockerCredential,
    usage: "docker-credential NAME get",
    text: "For docker's credential helpers",
  },
  "kube-credential": { run: kubeCredential, usage: "kube-credential NAME", text: "For kubectl's exec plug-ins" },
  "aws-credential-process": {
    run: awsCredentialProcess,
    usage: "aws-credential-process NAME",
    text: "For AWS's credential_process",
  },
  netrc: { run: netrc, usage: "netrc HOST NAME", text: "A line for curl and others" },
};

function help(): string {
  const lines = Object.values(COMMANDS).map(({ usage, text }) => `  latchkey ${usage.padEnd(58)} ${text}`);
  return `Secrets and tokens of Latchkey, at the command line.

${lines.join("\n")}

NAME is a secret's name, in any case, or its id. Instead of login, the environment may hold LATCHKEY_URL, LATCHKEY_KEY,
LATCHKEY_WORKSPACE and, for a person's key, LATCHKEY_USER.
`;
}

async function main([name, ...args]: string[]): Promise<number> {
  if (name === undefined || name === "help" || name === "--help") {
    process.stdout.write(help());
    return name === undefined ? 2 : 0;
  }
  if (name === "--version") {
    process.stdout.write(`${LATCHKEY_VERSION}\n`);
    return 0;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!command) throw new UsageError(`There is no command ${name}. latchkey help lists them.`);
  if (args[0] === "--help") {
    process.stdout.write(`latchkey ${command.usage}\n${command.text}.\n`);
    return 0;
  }
  const code = await command.run(args);
  return typeof code === "number" ? code : 0;
}

/** By the package's build. */
declare const LATCHKEY_VERSION: string;

/** What node:util's parseArgs throws is about the command line too. */
const isUsage = (error: Error) =>
  error instanceof UsageError || String((error as NodeJS.ErrnoException).code).startsWith("ERR_PARSE_ARGS");

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    const known = error instanceof LatchkeyError || (error instanceof Error && isUsage(error));
    process.stderr.write(`latchkey: ${known ? (error as Error).message : String((error as Error)?.stack ?? error)}\n`);
    process.exitCode = error instanceof Error && isUsage(error) ? 2 : 1;
  },
);
