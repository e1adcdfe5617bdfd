import { COMMANDS, type Command, commandOf, PLUGS } from "./commands";
import { distance, tellFailure } from "./failure";
import { UsageError, WrongWords } from "./usage-error";

/** The command line: `latchkey COMMAND …`. Answers go to stdout, everything else to stderr. */

/** By the package's build. */
declare const LATCHKEY_VERSION: string;

/** 128 and the number of SIGPIPE: what a shell says of a command whose reader went away. */
const BROKEN_PIPE = 141;

const linesOf = (commands: Readonly<Record<string, Command>>) =>
  Object.values(commands)
    .map(({ usage, text }) => `  ${usage.padEnd(53)} ${text}\n`)
    .join("");

const help = () => `Secrets and tokens of Latchkey, at the command line: latchkey COMMAND …

${linesOf(COMMANDS)}
What other programs call:
${linesOf(PLUGS)}
latchkey COMMAND --help says more. NAME is a secret's name, in any case, or its id; one with spaces stands in quotes.

Begin with latchkey login. Instead, the environment may hold LATCHKEY_URL, LATCHKEY_KEY, LATCHKEY_WORKSPACE and, for a
person's key, LATCHKEY_USER. Exit codes: 0 done, 1 failed, 2 the command line is wrong; request -f: 22; exec: the command's.
`;

const helpOf = ({ usage, text, more }: Command) => `latchkey ${usage}\n\n${text}.\n${more ? `\n${more}\n` : ""}`;

/** After `--` it is another command's. */
function asksForHelp(args: string[]): boolean {
  const own = args.includes("--") ? args.slice(0, args.indexOf("--")) : args;
  return own.includes("--help") || own.includes("-h");
}

async function main(name: string | undefined, args: string[]): Promise<number> {
  if (name === undefined) {
    process.stderr.write(help());
    return 2;
  }
  if (name === "--version" || name === "-v") {
    process.stdout.write(`${LATCHKEY_VERSION}\n`);
    return 0;
  }
  const isHelp = name === "help" || name === "--help" || name === "-h";
  const wanted = isHelp ? args[0] : name;
  const command = wanted === undefined ? undefined : commandOf(wanted);
  if (wanted !== undefined && !command) throw new UsageError(`There is no command ${wanted}.${nearest(wanted)}`);
  if (!command || isHelp || asksForHelp(args)) {
    process.stdout.write(command ? helpOf(command) : help());
    return 0;
  }
  try {
    const code = await command.run(args);
    return typeof code === "number" ? code : 0;
  } catch (error) {
    if (error instanceof WrongWords)
      throw new UsageError(`${error.message}\nUsage: latchkey ${command.usage}\nlatchkey ${name} --help says more.`);
    throw error;
  }
}

function nearest(name: string): string {
  const found = [...Object.keys(COMMANDS), ...Object.keys(PLUGS)].find((other) => distance(name, other) <= 2);
  return found ? ` Is it ${found}?` : " latchkey help lists them.";
}

process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(BROKEN_PIPE);
  process.stderr.write(`latchkey: ${error.message}\n`);
  process.exit(1);
});

main(process.argv[2], process.argv.slice(3)).then(
  (code) => {
    process.exitCode = code;
  },
  async (error: unknown) => {
    const { text, code } = await tellFailure(error);
    process.stderr.write(`latchkey: ${text}\n`);
    process.exitCode = code;
  },
);
