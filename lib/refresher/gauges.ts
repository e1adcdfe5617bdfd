import { refresher } from "./live-world";

/** Circuits of this process by state, and the hosts whose circuit is not closed. */
export function circuits(): { counts: Record<"closed" | "open" | "half_open", number>; troubled: string[] } {
  const counts = { closed: 0, open: 0, half_open: 0 };
  const troubled: string[] = [];
  for (const { host, circuit } of refresher().hosts.states()) {
    counts[circuit] += 1;
    if (circuit !== "closed") troubled.push(host);
  }
  return { counts, troubled };
}

/** @returns ms since the sweep of this process last came round; null when it runs none */
export function sweepSilentMs(): number | null {
  const { sweptAt, world } = refresher();
  return sweptAt === null ? null : world.clock.monotonic() - sweptAt;
}
