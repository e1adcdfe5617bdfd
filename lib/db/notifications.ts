import { database } from "@/lib/db/client";
import { errorFields, log } from "@/lib/observability/log";
import { once } from "@/lib/process";

/** Told whenever a secret changed, in whichever process. The statements of drizzle/refresher.sql and the stores notify. */
export type SecretListener = (workspaceId: string, secretId: string) => void;

const CHANNEL = "latchkey_secret";

function hub(): Set<SecretListener> {
  return once("secret-notifications", () => {
    const listeners = new Set<SecretListener>();
    database()
      .listen(CHANNEL, (payload) => {
        const [workspaceId = "", secretId = ""] = payload.split(" ");
        for (const listener of listeners) listener(workspaceId, secretId);
      })
      .catch((error) => log.warn("cannot listen for changes; waiting readers poll instead", errorFields(error)));
    return listeners;
  });
}

/** Calls `listener` for every change until the returned function is called. A hint only: whoever listens also polls. */
export function onSecretChange(listener: SecretListener): () => void {
  const listeners = hub();
  listeners.add(listener);
  return () => listeners.delete(listener);
}
