// HEALTHCHECK of the image: exit 0 while the process on PORT answers at all. A worker listens nowhere; its process is its health.
import process from "node:process";

if (process.env.LATCHKEY_ROLE !== "worker") {
  const url = `http://127.0.0.1:${process.env.PORT?.trim() || 3000}/healthz`;
  const { status } = await fetch(url, { signal: AbortSignal.timeout(4_000) }).catch(() => ({ status: 0 }));
  process.exitCode = status === 200 ? 0 : 1;
}
