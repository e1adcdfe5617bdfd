import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { createGunzip, createGzip } from "node:zlib";
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

/** Writes frames to `path`, which must not exist; nothing is there under that name until `finish`. Mode 0600. */
export class BackupWriter {
  private readonly all = createHash("sha256");
  private table: { hash: Hash; bytes: number } = { hash: createHash("sha256"), bytes: 0 };
  private readonly gzip = createGzip({ level: 6 });
  private readonly writing: Promise<void>;
  private failed: Error | undefined;

  private constructor(
    private readonly path: string,
    private readonly draft: string,
    private readonly file: FileHandle,
  ) {
    this.writing = this.pump();
    this.writing.catch((error: Error) => {
      this.failed = error;
      this.gzip.destroy(error);
    });
    this.gzip.on("error", () => undefined); // `writing` rejects with it.
  }

  static async create(path: string): Promise<BackupWriter> {
    const probe = await open(path, "wx", 0o600).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "EEXIST") throw new LaunchError(`${path} exists already. Name a file that does not.`);
      throw new LaunchError(`${path} cannot be written (${error.code}).`, { cause: error });
    });
    await probe.close();
    const draft = `${path}.part`;
    return new BackupWriter(path, draft, await open(draft, "w", 0o600));
  }

  async json(kind: "H" | "T" | "S", value: unknown): Promise<void> {
    if (kind === "T") this.table = { hash: createHash("sha256"), bytes: 0 };
    await this.frame(kind, Buffer.from(JSON.stringify(value)));
  }

  async data(bytes: Buffer): Promise<void> {
    this.table.hash.update(bytes);
    this.table.bytes += bytes.length;
    await this.frame("D", bytes);
  }

  async endTable(): Promise<void> {
    await this.frame(
      "E",
      Buffer.from(JSON.stringify({ bytes: this.table.bytes, sha256: this.table.hash.digest("hex") })),
    );
  }

  async finish(): Promise<void> {
    await this.frame("Z", Buffer.from(JSON.stringify({ sha256: this.all.digest("hex") })), false);
    this.gzip.end();
    await this.writing;
    await this.file.sync();
    await this.file.close();
    await rename(this.draft, this.path);
  }

  async abandon(): Promise<void> {
    this.gzip.destroy();
    await this.writing.catch(() => undefined);
    await this.file.close();
    await rm(this.draft, { force: true });
    await rm(this.path, { force: true });
  }

  private async frame(kind: string, bytes: Buffer, counted = true): Promise<void> {
    if (this.failed) throw new LaunchError(`${this.path} could not be written: ${this.failed.message}`);
    const head = Buffer.alloc(5);
    head.write(kind, 0, "latin1");
    head.writeUInt32BE(bytes.length, 1);
    if (counted) this.all.update(head).update(bytes);
    this.gzip.write(head);
    if (!this.gzip.write(bytes))
      await new Promise<void>((resolve) => void this.gzip.once("drain", resolve).once("close", resolve));
  }

  private async pump(): Promise<void> {
    for await (const chunk of this.gzip) await this.file.writeFile(chunk as Buffer);
  }
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
