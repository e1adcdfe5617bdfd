/** More than one, so that one in which the process stood still is not the whole. */
const PARTS = 10;

/**
 * Calls `giveUp` after `ms`, unless what it returns is called before. A process that stood still (starved, stopped, its machine asleep)
 * finds its timers over before it reads what came meanwhile, and would blame the other side. So the time passes in parts, between
 * which whatever came is read, and standing still takes one part at most.
 */
export function patience(ms: number, giveUp: () => void): () => void {
  let left = PARTS;
  let timer: NodeJS.Timeout;
  let last: NodeJS.Immediate | undefined;
  const wait = () => {
    timer = setTimeout(() => {
      left -= 1;
      if (left > 0) wait();
      else last = setImmediate(giveUp);
    }, ms / PARTS);
  };
  wait();
  return () => {
    clearTimeout(timer);
    clearImmediate(last);
  };
}
