import { arrivedBody, piecesOf } from "@/lib/http/node-request";

/** Larger bodies are gone once they are sent. */
const KEPT_BYTES = 64 * 1024;

/** A request's body on its way through: kept while it is sent, where it is small, so that it can be sent once more. */
export class KeptBody {
  /** Bytes, where that is known before they have come. */
  readonly length: number | null;
  /** To be sent, once. */
  readonly first: Buffer | AsyncIterable<Uint8Array>;
  #whole: Buffer | null = null;

  /** The body of a request, or null when it has none. A small one is read whole first: that is quicker than passing on its pieces. */
  static async of(request: Request): Promise<KeptBody | null> {
    const said = request.headers.get("content-length");
    const length = said === null ? null : Number(said);
    const arrived = length !== null && length > 0 && length <= KEPT_BYTES ? arrivedBody(request, length) : null;
    if (arrived) return new KeptBody(arrived, arrived.length);
    const pieces = piecesOf(request);
    if (!pieces) return null;
    if (length === null || length > KEPT_BYTES) return new KeptBody(pieces, length);
    const chunks: Uint8Array[] = [];
    for await (const piece of pieces) chunks.push(piece);
    const whole = Buffer.concat(chunks);
    return new KeptBody(whole, whole.length);
  }

  private constructor(body: Buffer | AsyncIterable<Uint8Array>, length: number | null) {
    this.length = length;
    if (Buffer.isBuffer(body)) this.#whole = body;
    this.first = Buffer.isBuffer(body) ? body : length === null ? this.#keeping(body) : body;
  }

  /** All of it, to be sent again; null when there was more than is kept, or when some of it has not come. */
  get whole(): Buffer | null {
    return this.#whole;
  }

  async *#keeping(pieces: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
    let kept: Uint8Array[] = [];
    let bytes = 0;
    for await (const piece of pieces) {
      bytes += piece.byteLength;
      if (bytes > KEPT_BYTES) kept = [];
      else kept.push(piece);
      yield piece;
    }
    if (bytes <= KEPT_BYTES) this.#whole = Buffer.concat(kept);
  }
}
