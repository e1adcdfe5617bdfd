import { Topology } from "./topology";

/**
 * `npm run topology`: starts it, says where it is, and follows orders typed as lines: `restart` replaces every process one by
 * one, `kill web 0`, `kill worker 0`, `kill database` end one hard, `start …` brings it back. Ends with Ctrl-C or its parent.
 */
const COUNT = { web: 2, worker: 1 };
const say = (line: string) => void process.stdout.write(`${line}\n`);

const topology = await Topology.start({
  root: process.cwd(),
  web: COUNT.web,
  workers: COUNT.worker,
  port: Number(process.env.PORT?.trim() || 8080),
  env: Object.fromEntries(
    Object.entries(process.env).filter(
      ([name, value]) => /^LATCHKEY_(EGRESS|REFRESH|STOP|DB|LOG)_/.test(name) && value,
    ),
  ) as Record<string, string>,
});

let ending = false;
const end = async () => {
  if (ending) return;
  ending = true;
  await topology.stop();
  process.exit(0);
};
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => void end());
const parent = process.ppid;
setInterval(() => {
  if (process.ppid !== parent) void end();
}, 300).unref();

const ORDERS: Record<string, (place: number) => Promise<unknown>> = {
  restart: () => topology.rollingRestart(),
  "kill web": async (place) => topology.web[place]?.kill("SIGKILL"),
  "kill worker": async (place) => topology.workers[place]?.kill("SIGKILL"),
  "kill database": () => topology.killDatabase(),
  "start web": (place) => topology.startWeb(place),
  "start worker": (place) => topology.startWorker(place),
  "start database": () => topology.startDatabase(),
};

say(`\nLatchkey: ${topology.url}`);
say(`Email: ${topology.email}\nPassword: ${topology.password}`);
say(`Everything lies in ${topology.folder} and goes with this process.`);
say(
  `Orders: ${Object.keys(ORDERS).join(", ")}; a number after web and worker picks one (0 is the first). Ctrl-C ends.`,
);

process.stdin.setEncoding("utf8").on("data", (text) => {
  for (const line of String(text).split("\n").filter(Boolean)) void follow(line.trim());
});

async function follow(line: string): Promise<void> {
  const [, words = "", number = "0"] = /^([a-z ]+?)(?: (\d+))?$/.exec(line) ?? [];
  const order = ORDERS[words];
  if (!order) return say(`There is no order “${line}”.`);
  try {
    const result = await order(Number(number));
    say(`${line}: done${Array.isArray(result) ? `, ended with ${result.join(", ")}` : ""}`);
  } catch (error) {
    say(`${line}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
