import { isWebhookEvent, TEST_EVENT, WEBHOOK_EVENTS } from "./events";

/** The body of a message: names, counts and codes of our own, never a value and never a provider's words. Pure. */

/** How many secrets are named; the count says how many there are. */
const MOST_NAMED = 5;

export interface Happening {
  secretId: string | null;
  secretName: string | null;
  authClientId: string | null;
  authClientName: string | null;
  code: string | null;
  /** Of an auth client: how many secrets of the workspace use it. */
  secrets: number | null;
  at: Date;
}

export interface Place {
  id: string;
  name: string;
}

/** A message to be stored. */
export interface Message {
  body: string;
  /** How many secrets, or auth clients, it tells of. */
  count: number;
}

/**
 * One message about all that happened of one kind, for one auth client and one reason. A secret to which it happened several times is
 * counted once.
 *
 * @param happenings at least one, the oldest first
 */
export function messageOf(event: string, workspace: Place, happenings: readonly Happening[], now: Date): Message {
  const secrets = new Map(happenings.flatMap((one) => (one.secretId === null ? [] : [[one.secretId, one] as const])));
  const first = happenings[0];
  const last = happenings.at(-1);
  if (!first || !last) throw new RangeError("A message tells of something.");
  const count = Math.max(1, secrets.size);
  const named = [...secrets.values()].slice(0, MOST_NAMED);
  const client =
    last.authClientId === null ? null : { id: last.authClientId, name: last.authClientName ?? last.authClientId };
  return {
    count,
    body: JSON.stringify({
      type: event,
      timestamp: now.toISOString(),
      data: {
        message: sentence(event, workspace, count, named, client, last.secrets),
        workspace,
        count,
        secrets: named.map((one) => ({ id: one.secretId, name: one.secretName })),
        auth_client: client,
        ...(last.secrets === null ? {} : { secrets_of_client: last.secrets }),
        code: first.code,
        first_at: first.at.toISOString(),
        last_at: last.at.toISOString(),
      },
    }),
  };
}

/** What Send test delivers. */
export function testMessage(workspace: Place, webhook: Place, now: Date): Message {
  return {
    count: 0,
    body: JSON.stringify({
      type: TEST_EVENT,
      timestamp: now.toISOString(),
      data: { message: `A test of the webhook ${webhook.name} of ${workspace.name}.`, workspace, webhook },
    }),
  };
}

function sentence(
  event: string,
  workspace: Place,
  count: number,
  named: readonly Happening[],
  client: Place | null,
  secretsOfClient: number | null,
): string {
  const words = isWebhookEvent(event) ? WEBHOOK_EVENTS[event] : { one: event, many: event };
  if (event.startsWith("client."))
    return `The auth client ${client?.name ?? ""} ${words.one} (${secretsOfClient ?? 0} secrets of ${workspace.name} use it).`;
  if (count === 1) return `The secret ${named[0]?.secretName ?? ""} of ${workspace.name} ${words.one}.`;
  const names = named.map((one) => one.secretName).join(", ");
  const more = count > named.length ? ` and ${count - named.length} more` : "";
  return `${count} secrets of ${workspace.name} ${words.many}: ${names}${more}.`;
}
