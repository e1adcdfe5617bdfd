import { EgressError } from "@/lib/egress/egress-error";
import type { Flow } from "@/lib/egress/transfer";

/** An answer's body as a web stream with back-pressure: what nobody reads stays in the network, not in memory. */
export class BodyStream {
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #flow: Flow | undefined;

  /** The stream; cancelling it ends the connection. */
  open(flow: Flow): ReadableStream<Uint8Array> {
    this.#flow = flow;
    return new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = controller;
      },
      pull: () => flow.resume(),
      cancel: () => {
        this.#controller = undefined;
        flow.abort(new EgressError("unknown", "the reader of the answer gave up"));
      },
    });
  }

  add(chunk: Uint8Array): void {
    const controller = this.#controller;
    if (!controller) return;
    controller.enqueue(chunk);
    if ((controller.desiredSize ?? 0) <= 0) this.#flow?.pause();
  }

  end(): void {
    this.#controller?.close();
    this.#controller = undefined;
  }

  fail(error: EgressError): void {
    this.#controller?.error(error);
    this.#controller = undefined;
  }
}
