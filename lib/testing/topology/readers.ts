/** Readers that ask for tokens through the proxy all the time, and never ask twice for one answer. */
export interface Readers {
  /** Answers so far, by status; 0 is a connection that broke. */
  readonly statuses: Map<number, number>;
  /** Every answer but 200, in order, with its text. */
  readonly failures: { at: number; secretId: string; status: number; text: string }[];
  readonly reads: number;
  /** Resolves when so many further answers came, all of them asked for after this call. */
  more(count: number): Promise<void>;
  stop(): Promise<void>;
}

export interface ReadersTask {
  url: string;
  authorization: string;
  workspaceId: string;
  secretIds: string[];
  concurrency: number;
}

/** Starts them; each pauses a moment between two reads. */
export function startReaders(task: ReadersTask): Readers {
  const statuses = new Map<number, number>();
  const failures: Readers["failures"] = [];
  let reads = 0;
  let over = false;
  const read = async (secretId: string) => {
    let status = 0;
    let text = "";
    try {
      const response = await fetch(`${task.url}/v2/workspaces/${task.workspaceId}/secrets/${secretId}/token`, {
        headers: { authorization: task.authorization },
      });
      text = await response.text();
      status = response.status;
    } catch (error) {
      text = error instanceof Error ? `${error.message}: ${String(error.cause)}` : String(error);
    }
    reads += 1;
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    if (status !== 200) failures.push({ at: Date.now(), secretId, status, text });
  };
  const loops = Array.from({ length: task.concurrency }, async () => {
    while (!over) {
      await read(task.secretIds[Math.floor(Math.random() * task.secretIds.length)] as string);
      await pause(10);
    }
  });
  return {
    statuses,
    failures,
    get reads() {
      return reads;
    },
    more: async (count) => {
      const enough = reads + count + task.concurrency;
      while (reads < enough) await pause(20);
    },
    stop: async () => {
      over = true;
      await Promise.all(loops);
    },
  };
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
