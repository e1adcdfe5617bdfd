/** Whoever an event happens to: what is dead hears nothing any more, what stands still hears it later. */
export interface Owner {
  alive: boolean;
  stalledUntil: number;
}

interface Event {
  at: number;
  order: number;
  owner: Owner | null;
  run: () => void;
}

/** Virtual time: one queue, one thread. Nothing happens between two events but what the first one made ready. */
export class Scheduler {
  /** True time, ms since the start. */
  now = 0;
  steps = 0;
  #order = 0;
  readonly #heap: Event[] = [];

  /** @param owner null: the outside world, which neither dies nor stands still */
  after(ms: number, owner: Owner | null, run: () => void): void {
    this.#push({ at: this.now + Math.max(0, ms), order: this.#order++, owner, run });
  }

  /** Lets events happen until `time`, or until there are none. */
  async until(time: number, stop: () => boolean = () => false): Promise<void> {
    while (!stop()) {
      const event = this.#heap[0];
      if (!event || event.at > time) break;
      this.#pop();
      if (event.owner && !event.owner.alive) continue;
      if (event.owner && event.owner.stalledUntil > event.at) {
        this.#push({ ...event, at: event.owner.stalledUntil });
        continue;
      }
      this.now = event.at;
      this.steps += 1;
      event.run();
      await settled();
    }
    if (!stop()) this.now = Math.max(this.now, time);
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let i = heap.push(event) - 1;
    while (i > 0) {
      const up = (i - 1) >> 1;
      if (!earlier(event, heap[up] as Event)) break;
      heap[i] = heap[up] as Event;
      i = up;
    }
    heap[i] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Event;
    if (heap.length === 0) return;
    let i = 0;
    for (;;) {
      let down = 2 * i + 1;
      if (down >= heap.length) break;
      if (down + 1 < heap.length && earlier(heap[down + 1] as Event, heap[down] as Event)) down += 1;
      if (!earlier(heap[down] as Event, last)) break;
      heap[i] = heap[down] as Event;
      i = down;
    }
    heap[i] = last;
  }
}

function earlier(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/** Every promise that can go on without a further event has gone on. */
export const settled = () => new Promise<void>((resolve) => setImmediate(resolve));
