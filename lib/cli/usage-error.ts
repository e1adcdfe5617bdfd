/** The command line cannot be understood; said with exit code 2. */
export class UsageError extends Error {
  override readonly name: string = "UsageError";
}

/** Too few words or too many: how the command is used is said with it. */
export class WrongWords extends UsageError {
  override readonly name = "WrongWords";
}
