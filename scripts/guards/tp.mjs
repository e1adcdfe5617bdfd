const GRAMMAR = "lib/secret-use/template.ts";
const PLACES = "lib/secret-use/templated-request.ts";
const VALUES = "lib/secret-use/template-values.ts";
const REQUESTS = "lib/secrets/requests.ts";
const API = ["app/v2/workspaces/_tests/request-templates.test.ts"];
const FUZZ = ["lib/testing/fuzz/templates.test.ts"];

/** @type {import("./all.mjs").Guard[]} */
export const tp = [
  {
    row: "TP-1",
    what: "names that every object has are refused",
    file: GRAMMAR,
    find: "if (NEVER.has(reference.name) || NEVER.has(reference.field))",
    replace: 'if (NEVER.has(""))',
    tests: FUZZ,
  },
  {
    row: "TP-1",
    what: "the map of fields has no prototype",
    file: VALUES,
    find: "const fields: Record<string, string> = Object.create(null);",
    replace: "const fields: Record<string, string> = {};",
    tests: API,
    testName: "every object has",
  },
  {
    row: "TP-1",
    what: "braces that are no reference are refused",
    file: PLACES,
    find: 'for (const text of templatesInJson(request)) look(["body"], text);',
    replace: "",
    tests: API,
    testName: "no reference",
  },
  {
    row: "TP-2",
    what: "percent-encoded in a URL",
    file: PLACES,
    find: "filled(pieces, (reference) => percentEncoded(valueFor(reference)))",
    replace: "filled(pieces, (reference) => valueFor(reference))",
    tests: [...API, ...FUZZ],
    testName: "in headers as it is|leads anywhere",
  },
  {
    row: "TP-2",
    what: "no value leads upwards in a path",
    file: PLACES,
    find: "return climbs(path) ? null : new URL(text);",
    replace: "return new URL(text);",
    tests: API,
    testName: "a path does not take",
  },
  {
    row: "TP-2",
    what: "no reference in the host",
    file: PLACES,
    find: "if (!ORIGIN.test(before))",
    replace: 'if (before === "\\0")',
    tests: API,
    testName: "the host decides",
  },
  {
    row: "TP-2",
    what: "escaped in JSON",
    file: PLACES,
    find: "JSON.stringify(filled(this.#pieces(text), valueFor))",
    replace: "['', filled(this.#pieces(text), valueFor), ''].join('\"')",
    tests: API,
    testName: "in headers as it is",
  },
  {
    row: "TP-2",
    what: "a header's value is judged with what was put in",
    file: "lib/secret-use/http-request.ts",
    find: "  requireHeaders(sent.headers, names);\n",
    replace: "",
    tests: API,
    testName: "a header does not take",
  },
  {
    row: "TP-3",
    what: "a secret that makes no requests reads like one that is missing",
    file: REQUESTS,
    find: "if (found && injects(found.type))",
    replace: "if (found)",
    tests: API,
    testName: "byte for byte",
  },
  {
    row: "PX-3",
    what: "what a reference stood for is looked for in the answer",
    file: "lib/secret-use/http-injection.ts",
    find: "return [...this.#fields.flatMap(hidden), ...this.#named];",
    replace: "return this.#fields.flatMap(hidden);",
    tests: API,
    testName: "PX-3",
  },
];
