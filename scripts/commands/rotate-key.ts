import { hostname } from "node:os";
import { migrateDatabase } from "@/drizzle/migrate";
import { INSTANCE_TENANT } from "@/lib/access/scope";
import { settings } from "@/lib/config";
import { keyring } from "@/lib/crypto/envelope";
import { refreshKeks } from "@/lib/crypto/keep-keks";
import { parseKeks } from "@/lib/crypto/keks";
import { holdKeys, kekFacts } from "@/lib/crypto/key-holder-store";
import { replaceKeyFile, writeKeyFileOnce } from "@/lib/crypto/master-key-file";
import { masterKeyPath, masterKeySetting, newMasterKey, rereadMasterKeys } from "@/lib/crypto/master-keys";
import { closeKeyring, openKeyring } from "@/lib/crypto/open-keyring";
import { closeDatabase } from "@/lib/db/client";
import { LaunchError } from "@/lib/db/launch-error";
import { inTenant } from "@/lib/db/tx";
import { type Rotation, rotationOf } from "@/lib/instance/rotation";
import { recordStart } from "@/lib/instance/start";
import { rewrapKeys } from "@/lib/jobs/rewrap-keys";
import { runCommand, say, withDatabase } from "./command";

const USAGE = `npm run rotate-key -- <step>
  status             which master keys there are, what they wrap, which process has which, what comes next
  prepare            makes a new master key that opens and does not wrap yet
  promote            makes it the one that wraps, and rewraps the tenant keys
  remove             takes out the master keys that wrap nothing any more
  --to <file>        with any step that changes the keys: writes the new value there (0600) and changes nothing else;
                     needed where the keys come from LATCHKEY_MASTER_KEY`;

/** The processes look at their file every 5 s; one that died is waited for 30 s. */
const AGREE_MS = 45_000;

/**
 * `npm run rotate-key -- status | prepare | promote | remove`: changes the master key while Latchkey runs (CRY-6). No key is ever
 * printed. Each step may be run again after it was interrupted.
 */
export function rotateKey(args: string[]): Promise<never> {
  return runCommand(async () => {
    const [step = "status", ...rest] = args;
    const to = rest[0] === "--to" ? rest[1] : undefined;
    const run = STEPS[step];
    if (!run || rest.length > (to ? 2 : 0)) throw new LaunchError(USAGE);
    await withDatabase(async (url) => {
      await migrateDatabase(url, say);
      await openKeyring(say);
      try {
        await run(to);
      } finally {
        await closeKeyring();
        await closeDatabase();
      }
    });
  });
}

const STEPS: Record<string, (to?: string) => Promise<void>> = { status, prepare, promote, remove };

async function status(): Promise<void> {
  const now = await look();
  for (const key of now.keys)
    say(`${key.id}  ${STATES[key.state]}, wraps ${key.tenantKeys} of ${now.tenantKeys} tenant keys`);
  const others = now.holders.filter(({ host, pid }) => pid !== process.pid || host !== hostname());
  for (const { host, pid, role, kekIds, source } of others)
    say(`Process ${pid} on ${host} (${role}): ${kekIds.join(", ")} from ${source}`);
  say(next(now));
}

async function prepare(to?: string): Promise<void> {
  const before = await look();
  const ready = before.keys.find((key) => key.state === "prepared");
  if (ready) say(`The master key ${ready.id} is prepared already.`);
  else {
    const text = `${await given()},${newMasterKey()}`;
    await write(text, to);
    say(`Made the master key ${parseKeks(text).at(-1)?.idHex}. It opens, and wraps nothing yet.`);
    say("Keep a copy of the new value where you keep the master key.");
  }
  await elsewhere(to);
}

async function promote(to?: string): Promise<void> {
  const before = await look();
  const parts = split(await given());
  const ready = parts.find(({ id }) => before.keys.some((key) => key.id === id && key.state === "prepared"));
  if (ready && parts[0] !== ready) {
    const without = before.holders.filter((holder) => !holder.kekIds.includes(ready.id));
    if (without.length > 0)
      throw new LaunchError(
        `Not every process has the master key ${ready.id} yet: ${without.map(named).join(", ")}. Give it to them first.`,
      );
    await write([ready, ...parts.filter((part) => part !== ready)].map((part) => part.text).join(","), to);
    say(`The master key ${ready.id} comes first now, so it wraps.`);
    await elsewhere(to);
  } else if (!ready && before.next !== "wait" && before.next !== "align")
    throw new LaunchError(`No master key is prepared. ${next(before)}`);
  if (to) return;
  await agreed();
  await rewrapKeys(undefined, (count) => say(`Rewrapped ${count} tenant key${count === 1 ? "" : "s"}`));
  say(next(await look()));
}

async function remove(to?: string): Promise<void> {
  const now = await look();
  if (now.next !== "remove" && now.next !== "spread") throw new LaunchError(`Nothing can be removed. ${next(now)}`);
  const old = now.keys.filter((key) => key.state === "done").map((key) => key.id);
  const parts = split(await given());
  const gone = parts.filter((part) => old.includes(part.id));
  if (gone.length === 0) throw new LaunchError(`Nothing can be removed here. ${next(now)}`);
  const rest = parts.filter((part) => !gone.includes(part));
  // From here on no process wraps anything by the old ones, so what wraps nothing goes on to wrap nothing.
  const missing = await holdKeys(
    rest.map((part) => part.id),
    masterKeySetting(),
  );
  if (missing.length > 0)
    throw new LaunchError("A tenant key was wrapped meanwhile. Ask again: npm run rotate-key -- status");
  const path = masterKeyPath();
  if (!to && path !== null)
    for (const { id, text } of gone) {
      await writeKeyFileOnce(`${path}.${id}.old`, text);
      say(`Kept the old master key as ${path}.${id}.old: backups made before need it. Delete it when they are gone.`);
    }
  await write(rest.map((part) => part.text).join(","), to);
  say(`Took out ${gone.map((part) => part.id).join(", ")}.`);
  await elsewhere(to);
}

const STATES = { current: "current", in_use: "in use", prepared: "prepared", done: "no longer used" };

function next(now: Rotation): string {
  const lost = now.keys.find((key) => key.holders === 0);
  if (lost)
    return `No process has the master key ${lost.id}, which wraps ${lost.tenantKeys} tenant keys. Give it back.`;
  if (now.next === "none") return "Nothing is under way. To begin: npm run rotate-key -- prepare";
  if (now.next === "spread") return "Next: give every process the same list of master keys.";
  if (now.next === "align") return "Next: every process must have the same master key first in its list.";
  if (now.next === "promote") return "Next: npm run rotate-key -- promote";
  if (now.next === "remove") return "All tenant keys are rewrapped. Next: npm run rotate-key -- remove";
  return "Tenant keys are being rewrapped by the worker; or run it here: npm run rotate-key -- promote";
}

const look = async () => rotationOf(await inTenant(INSTANCE_TENANT, kekFacts));
const named = ({ pid, host, role }: Rotation["holders"][number]) => `process ${pid} on ${host} (${role})`;

/** The list of keys as this machine has it. */
async function given(): Promise<string> {
  return (await rereadMasterKeys())?.text ?? (settings().masterKey as string);
}

function split(text: string): { id: string; text: string }[] {
  const parts = text.split(",").map((part) => part.trim());
  return parseKeks(text).map((kek, index) => ({ id: kek.idHex, text: parts[index] as string }));
}

async function write(text: string, to: string | undefined): Promise<void> {
  if (to) {
    if (!(await writeKeyFileOnce(to, text))) throw new LaunchError(`${to} exists already. Name a file that does not.`);
    return;
  }
  const path = masterKeyPath();
  if (path === null)
    throw new LaunchError(
      "LATCHKEY_MASTER_KEY is in the environment, which no command can change. Say where to write its new value: --to <file>",
    );
  await replaceKeyFile(path, text);
  await refreshKeks();
  await recordStart(keyring().kekIds);
}

/** What has to be done by hand on this and other machines. */
async function elsewhere(to: string | undefined): Promise<void> {
  if (to && masterKeyPath() === null)
    return say(
      `${to} holds the new value of LATCHKEY_MASTER_KEY. Give it to every process and restart them one after the other, then delete the file and ask: npm run rotate-key -- status`,
    );
  if (to)
    return say(`${to} holds the new text of the file that ${masterKeySetting()} names; put it there on every machine.`);
  say(
    "Latchkey on this machine reads the file within seconds, without a restart. Other machines need the same file; npm run rotate-key -- status shows which process has which key.",
  );
}

/** Waits until every living process wraps with the same key; rewrapping would not begin before. */
async function agreed(): Promise<void> {
  const until = Date.now() + AGREE_MS;
  for (let told = false; ; told = true) {
    const now = await look();
    if (now.next !== "align") return;
    if (Date.now() > until) {
      const [first] = keyring().kekIds;
      const others = now.holders.filter((holder) => holder.kekIds[0] !== first).map(named);
      throw new LaunchError(
        `These still wrap with another master key: ${others.join(", ")}. When they have the new list, the worker goes on by itself.`,
      );
    }
    if (!told) say("Waiting for the running processes to read the new list");
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
}
