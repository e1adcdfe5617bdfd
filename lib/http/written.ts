/**
 * An answer of one piece before it is anybody's `Response`: Next gets one made of it, node-entry writes it as it is. Making
 * a `Response` and reading it back costs more than everything else between the handler and the socket.
 */
export class Written {
  constructor(
    readonly status: number,
    /** Names in lower case. */
    readonly headers: Readonly<Record<string, string>>,
    readonly text: string | null,
  ) {}

  toResponse(): Response {
    return new Response(this.text, { status: this.status, headers: this.headers });
  }
}
