import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { createGunzip } from "node:zlib";
import { LaunchError } from "@/lib/db/launch-error";

/**
 * The file of `npm run backup`: gzip over frames of one letter, a length (32 bit, big endian) and so many bytes.
 *
 *   H  JSON: format, version, when, by which Latchkey and PostgreSQL, the migrations applied
 *   T  JSON: a table's schema, name and columns; its rows follow
 *   D  bytes of `COPY ... TO STDOUT` (text format), cut anywhere
 *   E  JSON: end of that table: bytes and SHA-256 of its D frames
 *   S  JSON: sequences and their positions
 *   Z  JSON: SHA-256 of every frame before; a file without it is cut off
 *
 * It is a logical copy taken in one REPEATABLE READ transaction: consistent while Latchkey runs, free of the server's
 * version and of its file layout, unlike a copy of PGDATA. Values are in it as they are in the database, sealed; the
 * master key is not.
 */

export const FORMAT = "latchkey-backup";
export const VERSION = 1;

export interface Header {
  format: typeof FORMAT;
  version: number;
  createdAt: string;
  latchkey: string;
  postgres: string;
  migrations: string[];
}

export interface TableHead {
  schema: string;
  name: string;
  columns: string[];
}

export type Frame =
  | { kind: "H"; value: Header }
  | { kind: "T"; value: TableHead }
  | { kind: "D"; bytes: Buffer }
  | { kind: "E"; value: { bytes: number; sha256: string } }
  | { kind: "S"; value: { schema: string; name: string; last: string | null }[] };

/** Turns frames into the bytes of a file, sums included; E and Z frames are added here. */
export async function* encode(frames: AsyncIterable<Exclude<Frame, { kind: "E" }>>): AsyncGenerator<Buffer> {
  const all = createHash("sha256");
  let table: { hash: Hash; bytes: number } | undefined;
  const frame = (kind: string, bytes: Buffer): Buffer => {
    const head = Buffer.alloc(5);
    head.write(kind, 0, "latin1");
    head.writeUInt32BE(bytes.length, 1);
    const whole = Buffer.concat([head, bytes]);
    if (kind !== "Z") all.update(whole);
    return whole;
  };
  const json = (kind: string, value: unknown) => frame(kind, Buffer.from(JSON.stringify(value)));
  const endTable = () => table && json("E", { bytes: table.bytes, sha256: table.hash.digest("hex") });
  for await (const one of frames) {
    if (one.kind === "D") {
      table?.hash.update(one.bytes);
      if (table) table.bytes += one.bytes.length;
      yield frame("D", one.bytes);
      continue;
    }
    const ended = endTable();
    if (ended) yield ended;
    table = one.kind === "T" ? { hash: createHash("sha256"), bytes: 0 } : undefined;
    yield json(one.kind, one.value);
  }
  const ended = endTable();
  if (ended) yield ended;
  yield json("Z", { sha256: all.digest("hex") });
}

/**
 * Reads the frames of a backup and checks each sum on the way; the last frame's check comes last, so read a file to its
 * end once before believing it.
 *
 * @throws LaunchError when it is no backup, is of a newer format, cut off or damaged
 */
export async function* readBackup(path: string): AsyncGenerator<Frame> {
  const damaged = (why: string, cause?: unknown) => new LaunchError(`${path} cannot be restored: ${why}.`, { cause });
  const all = createHash("sha256");
  let table = { hash: createHash("sha256"), bytes: 0 };
  let buffer = Buffer.alloc(0);
  let first = true;
  let ended = false;
  const source = createReadStream(path);
  const clear = source.pipe(createGunzip());
  source.on("error", (error) => clear.destroy(error));
  try {
    for await (const chunk of clear) {
      buffer = Buffer.concat([buffer, chunk as Buffer]);
      while (buffer.length >= 5) {
        const length = buffer.readUInt32BE(1);
        if (length > 64 * 1024 * 1024) throw damaged("it is not a backup of Latchkey");
        if (buffer.length < 5 + length) break;
        const kind = buffer.toString("latin1", 0, 1);
        const body = buffer.subarray(5, 5 + length);
        if (ended) throw damaged("something follows its end");
        if (kind !== "Z") all.update(buffer.subarray(0, 5 + length));
        buffer = buffer.subarray(5 + length);
        const value = kind === "D" ? undefined : JSON.parse(body.toString("utf8"));
        if (first && (kind !== "H" || value.format !== FORMAT)) throw damaged("it is not a backup of Latchkey");
        if (first && value.version > VERSION) throw damaged("it was made by a newer Latchkey");
        first = false;
        if (kind === "T") table = { hash: createHash("sha256"), bytes: 0 };
        if (kind === "D") {
          table.hash.update(body);
          table.bytes += length;
          yield { kind, bytes: body };
        } else if (kind === "Z") {
          ended = true;
          if (value.sha256 !== all.digest("hex")) throw damaged("it is damaged");
        } else {
          if (kind === "E" && (value.bytes !== table.bytes || value.sha256 !== table.hash.digest("hex")))
            throw damaged("it is damaged");
          yield { kind, value } as Frame;
        }
      }
    }
  } catch (error) {
    if (error instanceof LaunchError) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? "";
    throw code === "ENOENT"
      ? new LaunchError(`There is no file ${path}.`)
      : damaged(code === "Z_BUF_ERROR" ? "it is cut off" : "it is not a backup of Latchkey, or is damaged", error);
  } finally {
    source.destroy();
  }
  if (!ended) throw damaged("it is cut off");
}
