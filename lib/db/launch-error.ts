/** Latchkey cannot start, and `message` tells a person why and what to do. Printed without a stack. */
export class LaunchError extends Error {
  override name = "LaunchError";
}

const PLAIN: Record<string, string> = {
  EACCES: "this user may not write there",
  EPERM: "this user may not write there",
  EROFS: "it lies on a read-only file system",
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  ENOTDIR: "a part of that path is a file",
};

/**
 * Runs `work` on the data folder and turns the operating system's refusals (read-only, full, not allowed) into a
 * `LaunchError` naming the folder and the setting; everything else passes through.
 */
export async function onDataFolder<T>(dataDir: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const why = PLAIN[(error as NodeJS.ErrnoException)?.code ?? ""];
    if (!why) throw error;
    throw new LaunchError(
      `The data folder ${dataDir} cannot be used: ${why}. Set LATCHKEY_DATA_DIR to another folder.`,
      {
        cause: error,
      },
    );
  }
}
