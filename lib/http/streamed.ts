/**
 * An answer that goes out as it comes, whatever its type and size. Next gets a `Response` made of it; node-entry writes its pieces, because
 * a web stream takes several times as long for a small one.
 */
export class Streamed {
  constructor(
    readonly status: number,
    /** Names in lower case. */
    readonly headers: Readonly<Record<string, string>>,
    /** All of it, where it is here already; else taken one at a time, and `return` where nobody wants more. */
    readonly pieces: Buffer | AsyncIterator<Uint8Array> | null,
  ) {}

  toResponse(): Response {
    const { pieces, status, headers } = this;
    if (!pieces || Buffer.isBuffer(pieces)) return new Response(pieces && new Uint8Array(pieces), { status, headers });
    const body = new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          const { done, value } = await pieces.next();
          if (done) controller.close();
          else controller.enqueue(value);
        },
        async cancel() {
          await pieces.return?.();
        },
      },
      { highWaterMark: 0 },
    );
    return new Response(body, { status, headers });
  }
}
