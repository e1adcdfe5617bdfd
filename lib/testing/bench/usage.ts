/** Loaded with `--import` into a process under measurement: tells its parent CPU time and memory when asked. */
export interface Usage {
  /** User and system time so far, microseconds. */
  cpuUs: number;
  rssBytes: number;
}

// However the bench ends, its processes do: the product as on a signal, so that it lets go of its database.
process.once("disconnect", () => process.kill(process.pid, "SIGTERM"));
process.on("message", (message) => {
  if (message !== "usage") return;
  const { user, system } = process.cpuUsage();
  process.send?.({ cpuUs: user + system, rssBytes: process.memoryUsage.rss() } satisfies Usage);
});
process.channel?.unref();
