import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { Caller } from "@/lib/access/caller";
import { permit } from "@/lib/access/permit";
import { GLOBAL, INSTANCE_TENANT } from "@/lib/access/scope";
import { type Settings, settings } from "@/lib/config";
import { inTenant } from "@/lib/db/tx";
import { once } from "@/lib/process";
import { EGRESS_ALLOW, KEY_OPEN, listOf } from "./start";
import * as store from "./store";

/** What the operator sees of the instance. No value of any setting that is a secret. */
export interface Instance {
  version: string;
  node: string;
  startedAt: Date;
  settings: Readonly<Settings>;
  database: store.DatabaseFacts;
  /** When the allow-list of outgoing calls last changed, as recorded; null: it never was anything but empty. */
  egressSince: Date | null;
  /** Ids of the master keys of the last start that changed them; the first wraps. */
  keyIds: string[];
}

/**
 * How this process is set up and what its database says. Other processes may be set up otherwise.
 *
 * @throws AppError forbidden
 */
export async function getInstance(caller: Caller): Promise<Instance> {
  await permit(caller, "global.instance.get", GLOBAL, { type: "instance" });
  const version = await once("version", async () => {
    const { version: text } = JSON.parse(await readFile(resolve(process.cwd(), "package.json"), "utf8"));
    return String(text);
  });
  return inTenant(INSTANCE_TENANT, async (tx) => {
    const egress = await store.lastRecorded(tx, EGRESS_ALLOW);
    const keys = await store.lastRecorded(tx, KEY_OPEN);
    return {
      version,
      node: process.version,
      startedAt: new Date(Date.now() - process.uptime() * 1000),
      settings: settings(),
      database: await store.databaseFacts(tx),
      egressSince: egress?.at ?? null,
      keyIds: listOf(keys?.detail.entries),
    };
  });
}
