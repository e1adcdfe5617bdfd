import { missingColumns, pingDatabase } from "@/lib/accounts/readiness-store";
import { keyringOpens } from "@/lib/crypto/open-keyring";
import { errorFields, log } from "@/lib/observability/log";

export type Readiness = Record<"database" | "key" | "schema", "ok" | "failing">;

const PATIENCE_MS = 3_000;

/** Whether this process can do its work. Never rejects and answers within seconds, whatever hangs. */
export async function checkReadiness(): Promise<Readiness> {
  const [database, key, schema] = await Promise.all([
    passes("database", async () => {
      await pingDatabase();
      return true;
    }),
    passes("key", keyringOpens),
    passes("schema", async () => (await missingColumns()).length === 0),
  ]);
  return { database, key, schema };
}

async function passes(name: string, check: () => Promise<boolean>): Promise<"ok" | "failing"> {
  let timer: NodeJS.Timeout | undefined;
  try {
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), PATIENCE_MS);
      timer.unref();
    });
    const passed = await Promise.race([check(), late]);
    if (!passed) log.warn("not_ready", { outcome: name });
    return passed ? "ok" : "failing";
  } catch (error) {
    log.warn("not_ready", { outcome: name, ...errorFields(error) });
    return "failing";
  } finally {
    clearTimeout(timer);
  }
}
