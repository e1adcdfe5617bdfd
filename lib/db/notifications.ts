import { subscribe } from "@/lib/db/client";
import { once } from "@/lib/process";

/**
 * What the database tells every process about changes. A hint only: whoever listens also polls, or forgets after a while. The
 * subscriptions outlive a pool: a database that comes back elsewhere is listened to there (lib/db/client).
 */

/** Told whenever a secret changed, in whichever process. The statements of drizzle/refresher.sql and the stores notify. */
export type SecretListener = (workspaceId: string, secretId: string) => void;

function secretListeners(): Set<SecretListener> {
  return once("secret-notifications", () => {
    const listeners = new Set<SecretListener>();
    subscribe("latchkey_secret", {
      notified: pairs((workspaceId, secretId) => {
        for (const listener of listeners) listener(workspaceId, secretId);
      }),
    });
    return listeners;
  });
}

/** Calls `listener` for every change until the returned function is called. */
export function onSecretChange(listener: SecretListener): () => void {
  const listeners = secretListeners();
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/**
 * An auth client was edited or deleted, or the verdict on it changed, in whichever process.
 *
 * @param all called when changes may have been missed: nothing remembered can be relied on
 */
export function onClientChange(listener: (tenantId: string, id: string) => void, all: () => void): void {
  subscribe("latchkey_client", { notified: pairs(listener), listening: all });
}

/**
 * A provider told a tenant's client to slow down.
 *
 * @param all called when that may have been missed
 */
export function onPaceChange(listener: (tenantId: string, authClientId: string) => void, all: () => void): void {
  subscribe("latchkey_pace", { notified: pairs(listener), listening: all });
}

const pairs = (listener: (first: string, second: string) => void) => (payload: string) => {
  const [first = "", second = ""] = payload.split(" ");
  listener(first, second);
};
