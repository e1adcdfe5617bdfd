import { randomBytes } from "node:crypto";
import { link, lstat, open, readFile, rename, stat, unlink, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { LaunchError } from "@/lib/db/launch-error";

/** The file that holds the master keys: read, made once, and replaced so that a crash at any instant leaves one of the two whole. */

/**
 * The file's text, or null when there is none.
 *
 * @param report gets one line when others on this machine can read it
 * @throws LaunchError when this user may not read it
 */
export async function readKeyFile(path: string, report: (line: string) => void): Promise<string | null> {
  try {
    const text = await readFile(path, "utf8");
    const { mode } = await stat(path);
    if (process.platform !== "win32" && (mode & 0o077) !== 0)
      report(`Warning: ${path} can be read by others on this machine; run: chmod 600 ${path}`);
    return text;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT") return null;
    if (code === "EACCES" || code === "EISDIR")
      throw new LaunchError(`The master key file ${path} cannot be read by this user.`, { cause: error });
    throw error;
  }
}

/** Writes a file whole and only for us (0600), or leaves the one that is there. True when it is ours. */
export async function writeKeyFileOnce(path: string, text: string): Promise<boolean> {
  const draft = await drafted(path, text);
  try {
    await link(draft, path);
    await flushFolder(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    await unlink(draft);
  }
}

/**
 * Puts a new text in the file's place (0600, its owner kept).
 *
 * @throws LaunchError when it is a link, or this user may not write there: such a file is another program's to change
 */
export async function replaceKeyFile(path: string, text: string): Promise<void> {
  try {
    const now = await lstat(path);
    if (now.isSymbolicLink())
      throw new LaunchError(
        `${path} is a link, so whatever made it must change it. Use --to <file> for the new value.`,
      );
    const draft = await drafted(path, text, { uid: now.uid, gid: now.gid });
    try {
      await rename(draft, path);
    } catch (error) {
      await unlink(draft);
      throw error;
    }
    await flushFolder(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EACCES" || code === "EPERM" || code === "EROFS" || code === "EBUSY" || code === "ENOENT")
      throw new LaunchError(`${path} cannot be replaced by this user (${code}). Use --to <file> for the new value.`, {
        cause: error,
      });
    throw error;
  }
}

async function drafted(path: string, text: string, owner?: { uid: number; gid: number }): Promise<string> {
  const draft = `${path}.${process.pid}.${randomBytes(4).toString("hex")}`;
  await writeFile(draft, `${text}\n`, { mode: 0o600, flag: "wx", flush: true });
  if (!owner || process.getuid?.() !== 0) return draft;
  const file = await open(draft, "r");
  try {
    await file.chown(owner.uid, owner.gid);
  } finally {
    await file.close();
  }
  return draft;
}

/** A name in a folder is kept only when the folder is. */
async function flushFolder(path: string): Promise<void> {
  if (process.platform === "win32") return;
  const folder = await open(dirname(path), "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
