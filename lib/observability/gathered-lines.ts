import type { LineSink } from "./readable-lines";

/**
 * Lines of one turn of the event loop leave in one write, because a system call a line costs each request more than making the
 * line does. Also those of a turn in which the process ends by itself; only a killed one takes its last turn's lines with it.
 *
 * @param write writes at once, without waiting
 */
export function gatheredLines(write: (text: string) => void): LineSink {
  let gathered = "";
  const flush = () => {
    const text = gathered;
    gathered = "";
    if (text !== "") write(text);
  };
  process.on("exit", flush);
  return {
    write: (line) => {
      if (gathered === "") setImmediate(flush);
      gathered += line;
    },
  };
}
