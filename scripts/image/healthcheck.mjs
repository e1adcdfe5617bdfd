// HEALTHCHECK of the image: exit 0 while the process answers at all. A worker answers on LATCHKEY_WORKER_PORT; without it
// it listens nowhere, and that its process runs is all there is to see.
import process from "node:process";

const { LATCHKEY_ROLE, LATCHKEY_WORKER_PORT, PORT } = process.env;
const port = LATCHKEY_ROLE === "worker" ? LATCHKEY_WORKER_PORT?.trim() : PORT?.trim() || "3000";
if (port) {
  const asked = fetch(`http://127.0.0.1:${port}/healthz`, { signal: AbortSignal.timeout(4_000) });
  const { status } = await asked.catch(() => ({ status: 0 }));
  process.exitCode = status === 200 ? 0 : 1;
}
