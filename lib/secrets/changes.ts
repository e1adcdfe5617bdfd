import { type Caller, holds } from "@/lib/access/caller";
import { permit } from "@/lib/access/permit";
import { resolveWorkspace } from "@/lib/accounts/places";
import { onSecretChange } from "@/lib/db/notifications";
import { AppError } from "@/lib/errors";
import { once } from "@/lib/process";

const KEEP_ALIVE_MS = 15_000;
/** A right taken away ends an open stream within 5 s (KEY-4): it is asked for this often, and a second is left for the asking. */
const RECHECK_MS = 4_000;

/** Open streams of one key or session in this process: many tabs, but not every connection the server has. */
const MAX_STREAMS = 50;

/** The reader itself cancelled: there is nothing left to close. */
const GONE = Symbol("gone");

/**
 * Server-sent events until the browser goes: `secret` with the id of every secret of the workspace that changes, and `missed` when some may
 * not have been told, so that whoever shows secrets reads them anew.
 */
export async function secretChanges(
  caller: Caller,
  workspaceId: string,
  options: { signal: AbortSignal /** Who asks, looked up anew. */; callerNow(): Promise<Caller> },
): Promise<ReadableStream<Uint8Array>> {
  const { signal } = options;
  const scope = await resolveWorkspace(caller, workspaceId, "workspaces.auth_secret.get");
  await permit(caller, "workspaces.auth_secret.get", scope, { type: "auth-secret" });
  const open = once("event-streams", () => new Map<string, number>());
  const streams = open.get(caller.credentialId) ?? 0;
  if (streams >= MAX_STREAMS)
    throw new AppError("throttled", `You have ${MAX_STREAMS} streams of changes open already. Close one first.`, {
      retryAfterS: 30,
    });
  const text = new TextEncoder();
  let end = (_gone?: unknown) => {};
  return new ReadableStream({
    start(controller) {
      open.set(caller.credentialId, streams + 1);
      const send = (line: string) => controller.enqueue(text.encode(line));
      const stopListening = onSecretChange(
        (workspace, id) => {
          if (workspace === scope.workspaceId) send(`event: secret\ndata: ${JSON.stringify({ id })}\n\n`);
        },
        () => send("event: missed\ndata: {}\n\n"),
      );
      const beat = setInterval(() => send(": still here\n\n"), KEEP_ALIVE_MS);
      const check = setInterval(() => {
        options.callerNow().then(
          (now) => {
            if (!holds(now, "workspaces.auth_secret.get", scope)) end();
          },
          // Signed out, or nobody can tell: the browser asks again and is answered properly.
          () => end(),
        );
      }, RECHECK_MS);
      let ended = false;
      end = (gone) => {
        if (ended) return;
        ended = true;
        const left = (open.get(caller.credentialId) ?? 1) - 1;
        if (left > 0) open.set(caller.credentialId, left);
        else open.delete(caller.credentialId);
        stopListening();
        clearInterval(beat);
        clearInterval(check);
        signal.removeEventListener("abort", end);
        if (gone !== GONE) controller.close();
      };
      signal.addEventListener("abort", end, { once: true });
      send("retry: 2000\n\n");
    },
    cancel() {
      end(GONE);
    },
  });
}
