import type { Caller } from "@/lib/access/caller";
import { permit } from "@/lib/access/permit";
import { resolveWorkspace } from "@/lib/accounts/places";
import { onSecretChange } from "@/lib/db/notifications";

const KEEP_ALIVE_MS = 15_000;
/** A stream ends after this and the browser opens it again, so that a right taken away ends it too (KEY-4). */
const STREAM_MS = 5 * 60_000;

/** Server-sent events: the id of every secret of the workspace that changes, until the browser goes. */
export async function secretChanges(
  caller: Caller,
  workspaceId: string,
  signal: AbortSignal,
): Promise<ReadableStream<Uint8Array>> {
  const scope = await resolveWorkspace(caller, workspaceId, "workspaces.auth_secret.get");
  await permit(caller, "workspaces.auth_secret.get", scope, { type: "auth-secret" });
  const text = new TextEncoder();
  let end = () => {};
  return new ReadableStream({
    start(controller) {
      const send = (line: string) => controller.enqueue(text.encode(line));
      const stopListening = onSecretChange((workspace, id) => {
        if (workspace === scope.workspaceId) send(`event: secret\ndata: ${JSON.stringify({ id })}\n\n`);
      });
      const beat = setInterval(() => send(": still here\n\n"), KEEP_ALIVE_MS);
      const over = setTimeout(() => end(), STREAM_MS);
      let ended = false;
      end = () => {
        if (ended) return;
        ended = true;
        stopListening();
        clearInterval(beat);
        clearTimeout(over);
        signal.removeEventListener("abort", end);
        controller.close();
      };
      signal.addEventListener("abort", end, { once: true });
      send("retry: 2000\n\n");
    },
    cancel() {
      end();
    },
  });
}
