/**
 * A path without slashes at its end, in as many steps as there are such slashes. Counted by hand: a pattern for "slashes at
 * the end" tries anew at each of thousands of slashes in the middle.
 */
export function withoutFinalSlashes(path: string): string {
  let end = path.length;
  while (end > 1 && path[end - 1] === "/") end -= 1;
  return path.slice(0, end);
}
