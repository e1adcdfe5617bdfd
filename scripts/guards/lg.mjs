// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are pieces of code, as text.

const SENSITIVE = "lib/crypto/sensitive.ts";
const SHOWN = ["lib/crypto/sensitive.test.ts"];

/** @type {import("./all.mjs").Guard[]} */
export const lg = [
  {
    row: "LG-1",
    what: "in a text",
    file: SENSITIVE,
    find: "  toString(): string {\n    return REDACTED;",
    replace: "  toString(): string {\n    return String(this.#value);",
    also: [
      {
        file: SENSITIVE,
        find: "  [Symbol.toPrimitive](): string {\n    return REDACTED;",
        replace: "  [Symbol.toPrimitive](): string {\n    return String(this.#value);",
      },
    ],
    tests: SHOWN,
  },
  {
    row: "LG-1",
    what: "in JSON",
    file: SENSITIVE,
    find: "  toJSON(): string {\n    return REDACTED;",
    replace: "  toJSON(): string {\n    return this.#value as string;",
    tests: SHOWN,
  },
  {
    row: "LG-1",
    what: "where it is inspected",
    file: SENSITIVE,
    find: "  [inspect.custom](): string {\n    return REDACTED;",
    replace: "  [inspect.custom](): string {\n    return inspect(this.#value);",
    tests: SHOWN,
  },
  {
    row: "LG-2",
    what: "no message of an error",
    file: "lib/observability/log.ts",
    find: "names.push(current.name);",
    replace: "names.push(`${current.name}: ${current.message}`);",
    tests: ["lib/observability/error-fields.test.ts"],
  },
  {
    row: "LG-2",
    what: "a stack without its message",
    file: "lib/observability/log.ts",
    find: "    .filter((line) => /^\\s+at /.test(line))\n",
    replace: "",
    tests: ["lib/observability/error-fields.test.ts"],
  },
  {
    row: "LG-3",
    what: "no text of an error nobody expected",
    file: "lib/http/endpoint.ts",
    find: 'new AppError("internal", `Something went wrong here. Tell your administrator the request id ${requestId}.`)',
    replace: 'new AppError("internal", `${requestId} ${(error as Error).stack}`)',
    tests: ["app/no-inside-text.test.ts"],
  },
  {
    row: "LG-3",
    what: "no text of the JSON parser",
    file: "lib/http/json-body.ts",
    find: "`The body is not valid JSON${whereOf(error, text)}.`",
    replace: "`The body is not valid JSON${whereOf(error, text)}: ${(error as Error).message}.`",
    tests: ["lib/http/json-body.test.ts"],
  },
];
