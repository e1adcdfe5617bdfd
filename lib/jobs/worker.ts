import { systemClock } from "@/lib/clock";
import { errorFields, log } from "@/lib/observability/log";
import { startSweep } from "@/lib/refresher/sweep";
import { startDeliveries } from "@/lib/webhooks/run";
import { SCHEDULE } from "./schedule";

export interface Worker {
  /**
   * Stops claiming, ends the periodic jobs and waits up to `drainMs` for answers under way: they are landed, or their lease
   * is left to whoever takes over (C27).
   */
  stop(drainMs: number): Promise<void>;
}

/** Runs the refresher, the deliveries of webhooks and the periodic jobs in this process. Any number of processes may do so at once. */
export function startWorker(): Worker {
  const stopping = new AbortController();
  const sweep = startSweep();
  const deliveries = startDeliveries();
  const loops = SCHEDULE.map(async (job) => {
    while (!stopping.signal.aborted) {
      await systemClock.sleep(job.everyMs, stopping.signal);
      if (stopping.signal.aborted) return;
      try {
        const count = await job.run(stopping.signal);
        if (count > 0) log.info(job.name, { count });
      } catch (error) {
        log.warn(`${job.name} failed; it runs again later`, errorFields(error));
      }
    }
  });
  return {
    stop: async (drainMs) => {
      stopping.abort();
      await Promise.all([sweep.stop(drainMs), deliveries.stop(drainMs), ...loops]);
    },
  };
}
