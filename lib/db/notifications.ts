import { subscribe } from "@/lib/db/client";
import { once } from "@/lib/process";

/**
 * What the database tells every process about changes. A hint only: whoever listens also polls, or forgets after a while. The
 * subscriptions outlive a pool: a database that comes back elsewhere is listened to there (lib/db/client).
 */

/** Told whenever a secret changed, in whichever process. The statements of drizzle/refresher.sql and the stores notify. */
export type SecretListener = (workspaceId: string, secretId: string) => void;

interface SecretSubscriber {
  changed: SecretListener;
  missed?: () => void;
}

function secretSubscribers(): Set<SecretSubscriber> {
  return once("secret-notifications", () => {
    const subscribers = new Set<SecretSubscriber>();
    subscribe("latchkey_secret", {
      notified: pairs((workspaceId, secretId) => {
        for (const { changed } of subscribers) changed(workspaceId, secretId);
      }),
      listening: () => {
        for (const { missed } of subscribers) missed?.();
      },
    });
    return subscribers;
  });
}

/**
 * Calls `changed` for every change until the returned function is called.
 *
 * @param missed called when changes may have been missed: before the process listened at all, or while its connection was broken
 */
export function onSecretChange(changed: SecretListener, missed?: () => void): () => void {
  const subscribers = secretSubscribers();
  const subscriber = { changed, missed };
  subscribers.add(subscriber);
  return () => subscribers.delete(subscriber);
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
