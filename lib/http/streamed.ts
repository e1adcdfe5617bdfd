/**
 * An answer that goes out as it comes, whatever its type and size. Next gets a `Response` made of it; node-entry writes its pieces, because
 * a web stream takes several times as long for a small one.
 */
export class Streamed {
  constructor(
    readonly status: number,
    /** Names in lower case. */
    readonly headers: Readonly<Record<string, string>>,
    /** Taken one at a time; `return` where nobody wants more. */
    readonly pieces: AsyncIterator<Uint8Array> | null,
  ) {}

  toResponse(): Response {
    const { pieces, status, headers } = this;
    if (!pieces) return new Response(null, { status, headers });
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
