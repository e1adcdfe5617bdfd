// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are pieces of code, as text.

const DRIVER = "lib/secret-use/sql/postgresql.ts";
const SOCKET = "lib/secret-use/sql/open-socket.ts";
const THREADS = "lib/secret-use/sql/threads.ts";
const WORDS = "lib/secret-use/sql-complaint.ts";
const TESTS = ["app/v2/workspaces/_tests/sql.postgresql.test.ts"];

/** @type {import("./all.mjs").Guard[]} */
export const sq = [
  {
    row: "SQ-1",
    what: "parameters are bound",
    file: DRIVER,
    find: "this.#sql.unsafe(ask.statement, ask.params as never[],",
    replace:
      "this.#sql.unsafe(ask.params.reduce<string>((text, value, i) => text.replaceAll(`$${i + 1}`, `'${value}'`), ask.statement), [] as never[],",
    tests: TESTS,
    testName: "whatever they look like",
  },
  {
    row: "SQ-2",
    what: "the extended protocol, one statement",
    file: DRIVER,
    // The driver's cursor asks for it, too, so what the query is given at first decides nothing.
    find: "  const result = await portions;\n",
    replace:
      "  Object.assign((portions as unknown as { options: object }).options, { simple: true });\n  const result = await portions;\n",
    tests: TESTS,
    testName: "one at a time",
  },
  {
    row: "SQ-2",
    what: "read-only unless asked",
    file: DRIVER,
    find: '`begin ${ask.readOnly ? "read only" : "read write"};',
    replace: "`begin read write;",
    tests: TESTS,
    testName: "change nothing unless",
  },
  {
    row: "SQ-3",
    what: "certificates are checked",
    file: "lib/egress/tls-socket.ts",
    find: "rejectUnauthorized: true,",
    replace: "rejectUnauthorized: false,",
    tests: TESTS,
    testName: "certificate and name",
  },
  {
    row: "SQ-3",
    what: "names are checked",
    file: SOCKET,
    find: 'anyName: login.tls === "verify-ca"',
    replace: "anyName: true",
    tests: TESTS,
    testName: "certificate and name",
  },
  {
    row: "SQ-3",
    what: "nothing is believed before TLS",
    file: DRIVER,
    find: "if (answer.length === 1 && answer[0] === YES)",
    replace: "if (answer[0] === YES)",
    tests: TESTS,
    testName: "words before TLS",
  },
  {
    row: "SQ-4",
    what: "LOCAL INFILE is not offered",
    file: "lib/secret-use/sql/mysql.ts",
    find: 'flags: ["-LOCAL_FILES", ',
    replace: "flags: [",
    tests: ["app/v2/workspaces/_tests/sql.mysql.test.ts"],
    testName: "does not even offer",
  },
  {
    row: "SQ-4",
    what: "no file is given to the driver",
    file: "lib/secret-use/sql/mysql.ts",
    find: "infileStreamFactory: undefined,",
    replace: 'infileStreamFactory: (path: string) => process.getBuiltinModule("node:fs").createReadStream(path),',
    tests: ["app/v2/workspaces/_tests/sql.mysql.test.ts"],
    testName: "no file is sent",
  },
  {
    row: "SQ-5",
    what: "the environment is empty",
    file: THREADS,
    find: "      env: {},\n",
    replace: "",
    tests: TESTS,
    testName: "environment",
  },
  {
    row: "SQ-6",
    what: "bytes received are limited",
    file: SOCKET,
    find: "if (received > most) socket.destroy();",
    replace: "",
    tests: TESTS,
    testName: "no more are taken than allowed",
  },
  {
    row: "SQ-6",
    what: "rows are limited",
    file: "lib/secret-use/sql/rows.ts",
    find: "if (this.#pieces.length >= this.#maxRows) return this.#cut();",
    replace: "",
    tests: TESTS,
    testName: "rows: so many",
  },
  {
    row: "SQ-6",
    what: "cancelled when the caller goes",
    file: THREADS,
    find: 'else signal.addEventListener("abort", cancel, { once: true });',
    replace: "",
    tests: TESTS,
    testName: "when the caller goes",
  },
  {
    row: "SQ-6",
    what: "closed when the secret changes",
    file: THREADS,
    find: "this.#retire((one) => one.key.secretId === secretId),",
    replace: "undefined,",
    also: [{ file: THREADS, find: "kept.key.generation === key.generation", replace: "kept.key.generation > 0" }],
    tests: TESTS,
    testName: "closed when the secret changes",
  },
  {
    row: "SQ-7",
    what: "addresses are judged for each connection",
    file: THREADS,
    find: "addresses: await egress().addressesOf(destination)",
    replace: "addresses: (this.#known ??= await egress().addressesOf(destination))",
    also: [
      {
        file: THREADS,
        find: "  #retired = false;\n",
        replace: "  #retired = false;\n  #known: CheckedAddress[] | null = null;\n",
      },
    ],
    tests: TESTS,
    testName: "a name that moves",
  },
  {
    row: "SQ-8",
    what: "the login is taken out of the database's words",
    file: WORDS,
    find: "if (value.length >= 3) text = text.replaceAll(value, `[${name}]`);",
    replace: "if (value.length > 300) text = text.replaceAll(value, `[${name}]`);",
    tests: TESTS,
    testName: "SQ-8",
  },
];
