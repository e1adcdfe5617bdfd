/** What no answer may hold (LG-3): stack, SQL, path, driver, module. */
export const INSIDE =
  /\n\s+at |node:internal|node_modules|\.(ts|mjs|cjs|js):\d+|\/(work|home|usr|tmp|root)\/|file:\/\/|\b(select|insert into|update|delete from)\b[^"]{0,200}\b(from|where|values|set|limit)\b|relation \\?"|column \\?"|violates|syntax error|SQLSTATE|PostgresError|DrizzleQuery|Failed query|ZodError|TypeError|ReferenceError|RangeError|SyntaxError|ECONN|ENOENT|undici|latchkey_(app|read|write|refresh|find)|unexpected token|is not a function|of undefined/i;
