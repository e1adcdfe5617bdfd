/** The command line cannot be understood; said with exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
