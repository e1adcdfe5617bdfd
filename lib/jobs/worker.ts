import { systemClock } from "@/lib/clock";
import { errorFields, log } from "@/lib/observability/log";
import { startSweep } from "@/lib/refresher/sweep";
import { SCHEDULE } from "./schedule";

/** How long a stopping worker waits for answers under way: they are landed or handed over (C27). */
const DRAIN_MS = 10_000;

export interface Worker {
  /** Stops claiming, waits for what is under way, ends the periodic jobs. */
  stop(): Promise<void>;
}

/** Runs the refresher and the periodic jobs in this process. Any number of processes may do so at once. */
export function startWorker(): Worker {
  const stopping = new AbortController();
  const sweep = startSweep();
  const loops = SCHEDULE.map(async (job) => {
    while (!stopping.signal.aborted) {
      await systemClock.sleep(job.everyMs, stopping.signal);
      if (stopping.signal.aborted) return;
      try {
        const count = await job.run();
        if (count > 0) log.info(job.name, { count });
      } catch (error) {
        log.warn(`${job.name} failed; it runs again later`, errorFields(error));
      }
    }
  });
  return {
    stop: async () => {
      stopping.abort();
      await Promise.all([sweep.stop(DRAIN_MS), ...loops]);
    },
  };
}
