// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are pieces of code, as text.

const CONNECTOR = "lib/egress/connector.ts";
const ADDRESSES = "lib/egress/addresses.ts";
const POLICY = "lib/egress/policy.ts";
const LIMITED = "lib/egress/read-limited.ts";
const FETCH = "lib/egress/safe-fetch.ts";
const CONNECT = ["lib/egress/connector.test.ts"];
const RANGES = ["lib/egress/addresses.test.ts"];
const DECIDE = ["lib/egress/policy.test.ts"];
const SEND = ["lib/egress/safe-fetch.test.ts"];

/** @type {(what: string, text: string) => import("./all.mjs").Guard} a range that is no longer blocked */
const range = (what, text) => ({
  row: "SS-3",
  what,
  file: ADDRESSES,
  find: `  "${text}",\n`,
  replace: "",
  tests: RANGES,
});

/** What a name resolved to is not judged. */
export const UNJUDGED_NAMES = {
  file: CONNECTOR,
  find: "  if (complaint) throw new EgressError",
  replace: "  if (complaint && isIP(destination.host)) throw new EgressError",
};

/** Redirects are followed. */
export const REDIRECTS = {
  file: FETCH,
  find: "  get dispatcher(): Dispatcher {\n    return this.#agent;",
  replace:
    "  get dispatcher(): Dispatcher {\n    return this.#agent.compose(interceptors.redirect({ maxRedirections: 3 }));",
  also: [
    {
      file: FETCH,
      find: "import { Agent, type Dispatcher }",
      replace: "import { Agent, type Dispatcher, interceptors }",
    },
  ],
};

/** @type {import("./all.mjs").Guard[]} */
export const ss = [
  { row: "SS-2", what: "what a name resolved to is judged", ...UNJUDGED_NAMES, tests: CONNECT },
  {
    row: "SS-2",
    what: "every address of a name is judged",
    file: CONNECTOR,
    find: "addresses.map(({ bytes }) => bytes),",
    replace: "addresses.map(({ bytes }) => bytes).slice(0, 1),",
    tests: CONNECT,
  },
  {
    row: "SS-2",
    what: "the judged addresses and no others",
    file: CONNECTOR,
    find: "      lookup: pinned,\n",
    replace: "",
    // The look at the peer stands behind it.
    also: [
      {
        file: CONNECTOR,
        find: "if (peer && addresses.some((address) => sameAddress(address.bytes, peer))) return socket;",
        replace: "if (peer) return socket;",
      },
    ],
    tests: CONNECT,
  },
  {
    row: "SS-2",
    what: "text that is no address",
    file: CONNECTOR,
    find: "if (!addresses.every(isRead))",
    replace: "if (!addresses.some(isRead) && addresses.length > 9)",
    tests: CONNECT,
  },
  range("this machine", "127.0.0.0/8"),
  range("private networks", "10.0.0.0/8"),
  range("link-local addresses", "169.254.0.0/16"),
  range("the address 0.0.0.0", "0.0.0.0/8"),
  range("carriers' networks", "100.64.0.0/10"),
  {
    row: "SS-3",
    what: "IPv4 inside NAT64",
    file: ADDRESSES,
    find: "if (inRange(address, NAT64) || inRange(address, V4_COMPATIBLE)) return [address, address.slice(12)];",
    replace: "",
    tests: RANGES,
  },
  {
    row: "SS-3",
    what: "IPv4 inside 6to4",
    file: ADDRESSES,
    find: "  if (inRange(address, SIX_TO_FOUR)) return [address, address.slice(2, 6)];\n",
    replace: "",
    tests: RANGES,
  },
  {
    row: "SS-3",
    what: "IPv4 written as IPv6",
    file: ADDRESSES,
    find: "return mapped ? bytes.slice(12) : bytes;",
    replace: "return bytes;",
    tests: RANGES,
  },
  {
    row: "SS-3",
    what: "nothing of IPv6 but global unicast",
    file: ADDRESSES,
    find: "!PUBLIC_V6.some((range) => inRange(form, range)) || ",
    replace: "",
    tests: RANGES,
  },
  {
    row: "SS-3",
    what: "public addresses of this machine",
    file: POLICY,
    find: "return this.#isOwn(address) ?",
    replace: "return this.#isOwn(address) && false ?",
    tests: DECIDE,
  },
  {
    row: "SS-4",
    what: "metadata addresses, listed or not",
    file: POLICY,
    find: "    if (isMetadata(address)) return `${destination.host} leads to a metadata service`;\n",
    replace: "",
    tests: DECIDE,
  },
  {
    row: "SS-4",
    what: "metadata addresses inside IPv6",
    file: ADDRESSES,
    find: "return withInner(address).some((form) => METADATA.some",
    replace: "return [address].some((form) => METADATA.some",
    tests: [...RANGES, ...DECIDE],
  },
  {
    row: "SS-4",
    what: "metadata names",
    file: POLICY,
    find: "return isMetadataName(host) ? `${host} is a metadata service` : null;",
    replace: "return null;",
    also: [
      {
        file: POLICY,
        find: "    if (isMetadataName(destination.host)) return `${destination.host} is a metadata service`;\n",
        replace: "",
      },
    ],
    tests: DECIDE,
  },
  {
    row: "SS-4",
    what: "the port of an entry",
    file: "lib/egress/allow-list.ts",
    find: "(entry.port === null || entry.port === port) &&",
    replace: "",
    tests: DECIDE,
  },
  {
    row: "SS-4",
    what: "the name of an entry, whole",
    file: "lib/egress/allow-list.ts",
    find: "? entry.host === host",
    replace: "? host.endsWith(entry.host)",
    tests: DECIDE,
  },
  { row: "SS-5", what: "no redirect is followed", ...REDIRECTS, tests: SEND },
  {
    row: "SS-6",
    what: "http and https alone",
    file: POLICY,
    find: 'if (url.protocol !== "https:" && url.protocol !== "http:") return',
    replace: 'if (url.protocol === "file:" && false) return',
    tests: DECIDE,
  },
  {
    row: "SS-6",
    what: "no user in a URL",
    file: POLICY,
    find: '    if (url.username !== "" || url.password !== "") return "a user or password in the URL is not allowed";\n',
    replace: "",
    tests: DECIDE,
  },
  {
    row: "SS-6",
    what: "no plain http unless listed",
    file: POLICY,
    find: 'if (destination.protocol === "http:" || destination.protocol === "sql-plain:")',
    replace: 'if (destination.protocol === "sql-plain:")',
    tests: DECIDE,
  },
  {
    row: "SS-6",
    what: "usual ports unless listed",
    file: POLICY,
    find: "      if (!this.#mayUsePort(destination)) return `port ${destination.port} is not allowed`;\n",
    replace: "",
    tests: DECIDE,
  },
  {
    row: "SS-6",
    what: "headers that are the connection's own",
    file: FETCH,
    find: "    if (OWN_HEADERS.has(lower)) throw",
    replace: "    if (OWN_HEADERS.has(lower) && false) throw",
    tests: SEND,
  },
  {
    row: "SS-7",
    what: "bytes of an answer as they come",
    file: LIMITED,
    find: "if (this.#size > this.#max) {",
    replace: "if (this.#size > 1e12) {",
    tests: SEND,
  },
  {
    row: "SS-7",
    what: "bytes that an answer announces",
    file: LIMITED,
    find: "if (Number(contentLength ?? 0) > this.#max) throw this.#tooLarge();",
    replace: "",
    tests: SEND,
  },
  {
    row: "SS-7",
    what: "bytes after decompression",
    file: LIMITED,
    find: "{ maxOutputLength: Math.min(maxInflated, byRatio) };",
    replace: "{ maxOutputLength: 1e9 };",
    tests: SEND,
  },
  {
    row: "SS-7",
    what: "bytes after decompression for each byte",
    file: LIMITED,
    find: "{ maxOutputLength: Math.min(maxInflated, byRatio) };",
    replace: "{ maxOutputLength: maxInflated };",
    tests: SEND,
  },
  {
    row: "SS-7",
    what: "1 KB a second",
    file: "lib/egress/transfer.ts",
    find: "if (pausedAt === null && received < elapsedMs * LEAST_BYTES_PER_MS) {",
    replace: "if (pausedAt === null && received < 0) {",
    tests: SEND,
  },
  {
    row: "SS-7",
    what: "the length of an answer's headers",
    file: FETCH,
    find: "      maxHeaderSize: MAX_HEADER_BYTES,\n",
    replace: "      maxHeaderSize: 1e9,\n",
    tests: SEND,
  },
  {
    row: "SS-8",
    what: "blocked and unreachable in the same words",
    file: "lib/egress/egress-error.ts",
    find: 'blocked: "The destination could not be reached.",',
    replace: 'blocked: "The destination is not allowed.",',
    tests: SEND,
  },
];
