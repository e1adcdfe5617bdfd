import type { LoadReport } from "./load";

/** What one caller does again and again: null when it went well, else what was wrong with it. */
export type Once = () => Promise<string | null>;

/** So many callers, each doing it again and again, measured after a time of warming up. */
export async function sustained(
  { connections, warmUpS, seconds }: { connections: number; warmUpS: number; seconds: number },
  once: Once,
): Promise<LoadReport> {
  const latencies: number[] = [];
  let [counting, over, all, bad] = [false, false, 0, 0];
  let firstBad: string | null = null;
  const caller = async () => {
    while (!over) {
      const began = performance.now();
      const wrong = await once();
      if (wrong !== null) {
        bad += 1;
        firstBad ??= wrong;
      } else all += 1;
      if (counting) latencies.push(performance.now() - began);
    }
  };
  const callers = Array.from({ length: connections }, caller);
  await sleep(warmUpS * 1000);
  const began = performance.now();
  counting = true;
  await sleep(seconds * 1000);
  counting = false;
  const elapsedMs = performance.now() - began;
  over = true;
  await Promise.all(callers);
  latencies.sort((a, b) => a - b);
  const at = (part: number) => latencies[Math.floor(latencies.length * part)] ?? 0;
  return {
    perSecond: (latencies.length / elapsedMs) * 1000,
    answers: latencies.length,
    all,
    bad,
    firstBad,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
  };
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
