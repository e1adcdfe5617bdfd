import { pipeline, Readable, type Transform } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";
import { EgressError } from "@/lib/egress/egress-error";

/** Inflated bytes per byte that came; small bodies may always inflate to the floor (SECURITY SS-7). */
const RATIO = 100;
const FLOOR_BYTES = 64 * 1024;

/** Whether `content-encoding` says nothing that must be undone. */
export function isPlain(encoding: string | null): boolean {
  return /^(identity)?$/i.test((encoding ?? "").trim());
}

/**
 * Undoes one Content-Encoding piece by piece.
 *
 * @throws EgressError bad_body at once for an encoding that is not known, and from the stream for bytes that are not it; too_large
 * from the stream for a bomb
 */
export function decodedBody(body: AsyncIterable<Uint8Array>, encoding: string): AsyncIterable<Uint8Array> {
  const unpack = decoder(encoding.trim().toLowerCase());
  let came = 0;
  const counted = async function* () {
    for await (const chunk of body) {
      came += chunk.byteLength;
      yield chunk;
    }
  };
  // Its errors come out of `unpack`, which is read to the end or destroyed.
  pipeline(Readable.from(counted()), unpack, () => undefined);
  return (async function* () {
    let out = 0;
    try {
      for await (const chunk of unpack as AsyncIterable<Buffer>) {
        out += chunk.length;
        if (out > Math.max(FLOOR_BYTES, came * RATIO))
          throw new EgressError("too_large", "the answer inflates to more than allowed");
        yield chunk;
      }
    } catch (cause) {
      if (cause instanceof EgressError) throw cause;
      throw new EgressError("bad_body", `the answer is not ${encoding}`, { cause });
    }
  })();
}

function decoder(coding: string): Transform {
  switch (coding) {
    case "gzip":
    case "x-gzip":
      return createGunzip();
    case "deflate":
      return createInflate();
    case "br":
      return createBrotliDecompress();
  }
  throw new EgressError("bad_body", "the answer has an unknown Content-Encoding");
}
