const SQL = "drizzle/security.sql";
const REQUESTS = "lib/secrets/requests.ts";
const HOSTS = "lib/secrets/allowed-hosts.ts";
const UPDATE = "lib/secrets/update-secret.ts";
const HEADERS = "lib/secret-use/headers.ts";
const REQUEST = "lib/secret-use/http-request.ts";
const INJECTION = "lib/secret-use/http-injection.ts";
const GUARD = "lib/secret-use/reflection-guard.ts";
const API = ["app/v2/workspaces/_tests/request.test.ts"];
const ENTRIES = ["lib/secrets/allowed-hosts.test.ts"];
const MASK = ["lib/secret-use/reflection-guard.test.ts"];
const DENIED = "WHEN a.destinations IS NOT NULL AND NOT f.allowed_hosts && a.destinations THEN 'denied'";

/** @type {import("./all.mjs").Guard[]} */
export const px = [
  {
    row: "PX-1",
    what: "a host that is not on the list gets no request",
    file: REQUESTS,
    find: "if (!isAllowed(url, row.allowedHosts))",
    replace: "if (url.host === '' && !isAllowed(url, row.allowedHosts))",
    tests: API,
  },
  {
    row: "PX-1",
    what: "a blocked destination is recorded as denied",
    file: SQL,
    find: DENIED,
    replace: "WHEN false THEN 'denied'",
    tests: API,
    testName: "another host",
  },
  {
    row: "PX-1",
    what: "the port counts",
    file: HOSTS,
    find: 'return url.port === "" ?',
    replace: 'return url.port !== "-" ?',
    tests: ENTRIES,
  },
  {
    row: "PX-1",
    what: "no wildcard over a public suffix",
    file: HOSTS,
    find: "validateHostname: false }) === domain",
    replace: 'validateHostname: false }) === ""',
    tests: ENTRIES,
  },
  {
    row: "PX-1",
    what: "a further host only for who may read the value",
    file: UPDATE,
    find: '        await permit(caller, GET_CREDENTIALS, scope, { type: "auth-secret", id });\n',
    replace: "",
    tests: API,
    testName: "a further host",
  },
  {
    row: "PX-1",
    what: "a further host only after a recent sign-in",
    file: UPDATE,
    find: `        await permit(caller, GET_CREDENTIALS, scope, { type: "auth-secret", id });
        requireRecentSignIn(caller, systemClock.now());
`,
    replace: '        await permit(caller, GET_CREDENTIALS, scope, { type: "auth-secret", id });\n',
    tests: API,
    testName: "a further host",
  },
  {
    row: "PX-1",
    what: "a change of destinations is recorded as such",
    file: UPDATE,
    find: "if (hosts && !sameHosts(hosts, locked.allowedHosts))",
    replace: "if (hosts && scope.tenantId === '')",
    tests: API,
    testName: "are shown",
  },
  {
    row: "PX-2",
    what: "headers that are not the caller's",
    file: HEADERS,
    find: 'if (NOT_THE_CALLERS.has(lower) || lower.startsWith("proxy-"))',
    replace: 'if (lower === "")',
    tests: API,
    testName: "may not be set",
  },
  {
    row: "PX-2",
    what: "the secret's own header is not the caller's",
    file: REQUEST,
    find: "  requireHeaders(request.headers, first.names);\n",
    replace: "",
    tests: API,
    testName: "may not be set",
  },
  {
    row: "PX-2",
    what: "one line a value",
    file: HEADERS,
    find: "if (!VALUE.test(value))",
    replace: 'if (value === "\\0")',
    tests: API,
    testName: "is refused",
  },
  {
    row: "PX-2",
    what: "hop-by-hop fields of the answer stay behind",
    file: HEADERS,
    find: " || named.has(name)) continue;",
    replace: ") continue;",
    tests: API,
    testName: "between neighbours",
  },
  {
    row: "PX-3",
    what: "the body is masked",
    file: REQUEST,
    find: "const body = Buffer.concat([guard.add(answer.body), guard.end()]);",
    replace: "const { body } = answer;",
    tests: API,
    testName: "PX-3",
  },
  {
    row: "PX-3",
    what: "headers are masked",
    file: HEADERS,
    find: 'headers[name] = guard.text(Array.isArray(value) ? value.join(", ") : value);',
    replace: 'headers[name] = Array.isArray(value) ? value.join(", ") : value;',
    tests: API,
    testName: "PX-3",
  },
  {
    row: "PX-3",
    what: "names of headers are looked at",
    file: HEADERS,
    find: "if (guard.textInAnyCase(name) !== name) continue;",
    replace: 'if (guard.textInAnyCase(name) === "") continue;',
    tests: API,
    testName: "as the name",
  },
  {
    row: "PX-3",
    what: "the beginning of a value at the end of a piece is held back",
    file: GUARD,
    find: "let until = this.#beginningAtEnd(bytes);",
    replace: "let until = bytes.length;",
    tests: MASK,
  },
  {
    row: "PX-3",
    what: "the password behind Basic is looked for",
    file: INJECTION,
    find: 'return [value, rest, clear, clear.slice(clear.indexOf(":") + 1)];',
    replace: "return [value, rest];",
    tests: API,
    testName: "of Basic",
  },
  {
    row: "PX-3",
    what: "the first try's token is looked for in the second's answer",
    file: REQUEST,
    find: "guard = second.guard(first);",
    replace: "guard = second.guard();",
    tests: API,
    testName: "401 with oauth2",
  },
  {
    row: "PX-3",
    what: "a value that came back is recorded",
    file: REQUEST,
    find: "if (guard.hits > 0) await recordReflection",
    replace: "if (guard.hits < 0) await recordReflection",
    tests: API,
    testName: "in any writing",
  },
  {
    row: "PX-4",
    what: "no cookie of the destination's",
    file: HEADERS,
    find: '"set-cookie", "set-cookie2", ',
    replace: "",
    tests: API,
    testName: "between neighbours",
  },
];
