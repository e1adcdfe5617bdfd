import { promisify } from "node:util";
import { brotliDecompress, gunzip, gunzipSync, inflate, inflateRaw, type ZlibOptions } from "node:zlib";
import { EgressError } from "@/lib/egress/egress-error";
import type { StreamedAnswer } from "@/lib/egress/safe-fetch";

/** Bodies of answers, with every way of being too large closed (SECURITY SS-7, OA-10). */

export interface BodyLimits {
  /** Bytes on the wire. Default 256 KB. */
  maxBytes?: number;
  /** Bytes after undoing Content-Encoding. Default twice `maxBytes`. */
  maxInflated?: number;
  /** Inflated bytes per wire byte. Default 100. */
  ratio?: number;
}

export const DEFAULT_MAX_BYTES = 256 * 1024;
const DEFAULT_RATIO = 100;
/** Small bodies may always inflate to this: the ratio says nothing about them. */
const RATIO_FLOOR_BYTES = 64 * 1024;
/** Up to this a body is inflated on the spot, which is quicker than asking the thread pool. */
const INFLATE_HERE_BYTES = 8 * 1024;

/**
 * Reads the body of what `safeFetch` gave and undoes its Content-Encoding (gzip, deflate, br). Throws `EgressError` `too_large`,
 * `bad_body` (unknown or broken encoding) or `unknown` (the connection ended early); memory stays within the limits.
 */
export async function readLimited(answer: StreamedAnswer, limits: BodyLimits = {}): Promise<Buffer> {
  const collect = new LimitedBody(limits);
  try {
    collect.expect(answer.headers["content-length"]);
    for await (const chunk of answer.body ?? []) collect.add(chunk);
  } catch (error) {
    await answer.body?.return();
    throw error;
  }
  return decode(collect.whole(), answer.headers["content-encoding"], limits);
}

/** Collects chunks up to the wire limit. */
export class LimitedBody {
  readonly #max: number;
  readonly #chunks: Uint8Array[] = [];
  #size = 0;

  constructor(limits: BodyLimits) {
    this.#max = limits.maxBytes ?? DEFAULT_MAX_BYTES;
  }

  /** Refuses an answer that announces too much before any of it is kept. Throws `EgressError` `too_large`. */
  expect(contentLength: string | string[] | null | undefined): void {
    if (Number(contentLength ?? 0) > this.#max) throw this.#tooLarge();
  }

  /** Keeps a chunk. Throws `EgressError` `too_large`. */
  add(chunk: Uint8Array): void {
    this.#size += chunk.length;
    if (this.#size > this.#max) {
      this.#chunks.length = 0;
      throw this.#tooLarge();
    }
    this.#chunks.push(chunk);
  }

  whole(): Buffer {
    const [only] = this.#chunks;
    if (this.#chunks.length === 1 && only) return Buffer.from(only.buffer, only.byteOffset, only.byteLength);
    return Buffer.concat(this.#chunks, this.#size);
  }

  #tooLarge(): EgressError {
    return new EgressError("too_large", `the answer has more than ${this.#max} bytes`);
  }
}

/** Undoes one Content-Encoding within the limits. Throws `EgressError` `too_large` or `bad_body`. */
export async function decode(
  body: Buffer,
  encoding: string | string[] | undefined,
  limits: BodyLimits,
): Promise<Buffer> {
  const coding = String(encoding ?? "")
    .trim()
    .toLowerCase();
  if (coding === "" || coding === "identity" || body.length === 0) return body;
  const maxInflated = limits.maxInflated ?? 2 * (limits.maxBytes ?? DEFAULT_MAX_BYTES);
  const byRatio = Math.max(RATIO_FLOOR_BYTES, body.length * (limits.ratio ?? DEFAULT_RATIO));
  const options: ZlibOptions = { maxOutputLength: Math.min(maxInflated, byRatio) };
  try {
    switch (coding) {
      case "gzip":
      case "x-gzip":
        return body.length <= INFLATE_HERE_BYTES ? gunzipSync(body, options) : await gunzipLater(body, options);
      case "deflate":
        // Both readings of "deflate" are in use; the zlib form announces itself in the first byte.
        return ((body[0] as number) & 0x0f) === 0x08
          ? await inflateLater(body, options)
          : await inflateRawLater(body, options);
      case "br":
        return await brotliLater(body, { maxOutputLength: Math.min(maxInflated, byRatio) });
    }
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE")
      throw new EgressError("too_large", "the answer inflates to more than allowed", { cause });
    throw new EgressError("bad_body", `the answer is not ${coding}`, { cause });
  }
  throw new EgressError("bad_body", "the answer has an unknown Content-Encoding");
}

const gunzipLater = promisify<Buffer, ZlibOptions, Buffer>(gunzip);
const inflateLater = promisify<Buffer, ZlibOptions, Buffer>(inflate);
const inflateRawLater = promisify<Buffer, ZlibOptions, Buffer>(inflateRaw);
const brotliLater = promisify<Buffer, { maxOutputLength: number }, Buffer>(brotliDecompress);
