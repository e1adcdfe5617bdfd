import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { Socket } from "node:net";

/**
 * Lets this process stand still for `ms` as soon as the next connection is on its way (`connecting`), or open (`connected`): nothing runs and
 * nothing is read, as when the processor is somebody else's or the machine sleeps. The kernel goes on.
 */
export function standStill(moment: "connecting" | "connected", ms: number): void {
  const opened = (message: unknown) => {
    unsubscribe(CHANNEL, opened);
    const { socket } = message as { socket: Socket };
    const still = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
    if (moment === "connected") socket.once("connect", () => setImmediate(still));
    // Connecting begins at the end of this turn.
    else process.nextTick(() => process.nextTick(() => process.nextTick(still)));
  };
  subscribe(CHANNEL, opened);
}

const CHANNEL = "net.client.socket";
