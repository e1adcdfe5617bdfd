/** How a statement begins: the one thing that is read of it before the database does. */

/** Nothing but space, semicolons and comments: the protocols answer it in ways of their own. */
export function isBlank(statement: string): boolean {
  return beginningOf(statement, ";") === statement.length;
}

/** The first word in capitals: the kind of statement and nothing that stands in it; `OTHER` where none comes first. */
export function firstWord(statement: string): string {
  const from = beginningOf(statement, "(");
  const word = /^[A-Za-z]{2,20}(?![\w$])/.exec(statement.slice(from, from + 21))?.[0];
  return word?.toUpperCase() ?? "OTHER";
}

/**
 * Where the first character stands that is no space, no comment and not `skipped`. Looks at each character once: a regular expression that
 * may share comments out in several ways takes twice as long for each of them.
 */
function beginningOf(statement: string, skipped: string): number {
  let at = 0;
  while (at < statement.length) {
    const character = statement.charAt(at);
    const [start, end] = COMMENTS.find(([mark]) => statement.startsWith(mark, at)) ?? [];
    if (start !== undefined && end !== undefined) {
      const ended = isExecuted(statement, at) ? -1 : statement.indexOf(end, at + start.length);
      // A line may be the last one; what is left open is the database's to complain of.
      if (ended < 0) return end === "\n" ? statement.length : at;
      at = ended + end.length;
    } else if (character === skipped || /\s/.test(character)) at += 1;
    else break;
  }
  return at;
}

const COMMENTS = [
  ["--", "\n"],
  ["#", "\n"],
  ["/*", "*/"],
] as const;

/** MySQL and MariaDB run what stands in such a comment. */
const isExecuted = (statement: string, at: number) => /^\/\*M?!/.test(statement.slice(at, at + 4));
