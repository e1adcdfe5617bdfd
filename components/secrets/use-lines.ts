import { proxyLinesOf } from "@/components/endpoints/proxy-lines";
import type { AuthSecret, SecretType } from "@/lib/sdk/resources";
import { OPENING_TYPE_NAMES, SECRET_TYPES } from "@/lib/secret-types";
import { exampleAt } from "./host-example";
import { outboundLinesOf } from "./outbound-lines";

/** Lines to copy that use exactly this secret. Keys stand in variables: no line holds a value. */
export interface UseLines {
  curl: string;
  program: string;
  /** Null where there is no command for it. */
  commandLine: string | null;
  /** A request that Latchkey makes; null for a type that makes none. */
  through: string | null;
  /** nginx that puts it into requests of programs behind it, through Latchkey; null for a type that adds nothing to a request. */
  outgoing: string | null;
  /** nginx that lets through who knows it; null for a type that opens no endpoint. */
  incoming: string | null;
}

/** How a secret of one type is used: the call at its address, and the same in a program and at the command line. */
interface Use {
  /** After the secret's address; with a body it is posted. */
  path: string;
  body?: object;
  /** The command with its words after the name; null where there is none. */
  command: readonly [name: string, ...words: string[]] | null;
  /** The command's options, before the name. */
  flags?: readonly string[];
  /** What the command reads. */
  input?: string;
  /** @param url an address that the secret may go to */
  call: (name: string, url: string) => string;
}

const fetched = (name: string, url: string) => `const answer = await latchkey.fetch(${name}, ${JSON.stringify(url)});`;
const READ = { path: "", command: ["get"] } as const;
const SIGN: Use = {
  path: "/jwt/sign",
  body: { claims: { sub: "42" } },
  command: ["sign"],
  flags: ["--claims", '{"sub":"42"}'],
  call: (name) => `const token = await latchkey.Jose.signJws(${name}, { sub: "42" });`,
};
const ENCRYPT: Use = {
  path: "/jwt/encrypt",
  body: { plaintext: "a text" },
  command: ["encrypt"],
  input: "a text",
  call: (name) => `const token = await latchkey.Jose.encryptJwe(${name}, "a text");`,
};
const STATEMENT: Use = {
  path: "/sql",
  body: { statement: "select 1 as one" },
  command: ["sql", "select 1 as one"],
  call: (name) => `const { rows } = await latchkey.SQL(${name}, "select 1 as one");`,
};
const USES: Record<SecretType, Use> = {
  oauth2: {
    path: "/token?minimum_validity=60",
    command: ["token"],
    call: fetched,
  },
  password: { ...READ, call: (name) => `const password = await latchkey.secrets.getPassword(${name});` },
  basic: { ...READ, call: (name) => `const { username, password } = await latchkey.secrets.getBasicAuth(${name});` },
  api_key: { ...READ, call: fetched },
  http_headers: { ...READ, call: (name) => `const headers = await latchkey.secrets.getHeaders(${name});` },
  noauth: { ...READ, call: (name) => `const { values } = await latchkey.secrets.getValues(${name});` },
  hs256: SIGN,
  rs256: SIGN,
  mysql: STATEMENT,
  postgresql: STATEMENT,
};

/** Stands for the endpoint of a secret that opens none yet. */
export const NO_ENDPOINT = "ENDPOINT";

/**
 * @param origin where Latchkey is, such as `https://latchkey.example.com`
 * @param checkUrl of an endpoint that this secret opens; absent: there is none yet
 */
export function useLinesOf(
  origin: string,
  workspaceId: string,
  { id, attributes }: AuthSecret,
  checkUrl = `${origin}/inbound/${NO_ENDPOINT}/check`,
): UseLines {
  const { name, type, visible } = attributes;
  const address = `${origin}/v2/workspaces/${workspaceId}/secrets/${id}`;
  const encrypts = type === "rs256" && visible?.use === "encrypt";
  const { path, body, command, flags = [], input, call } = encrypts ? ENCRYPT : USES[type];
  const [allowed = "api.example.com"] = attributes.allowed_hosts ?? [];
  const { method, url } = exampleAt(allowed);
  const injects = !encrypts && SECRET_TYPES[type].injects !== null;
  return {
    incoming:
      OPENING_TYPE_NAMES.includes(type) && !encrypts && URL.canParse(checkUrl) ? proxyLinesOf(checkUrl).nginx : null,
    outgoing: injects && type !== "noauth" ? outboundLinesOf(origin, id, url) : null,
    through: injects
      ? posted(`${address}/request`, method === null || method === "GET" ? { url } : { method, url })
      : null,
    curl: body ? posted(address + path, body) : `${CURL} \\\n  ${address}${path}`,
    program: `import { createLatchkey } from "latchkey/client";

const latchkey = createLatchkey({
  url: ${JSON.stringify(origin)},
  apiKey: process.env.LATCHKEY_KEY ?? "",
  workspace: ${JSON.stringify(workspaceId)},
});
${call(JSON.stringify(name), url)}`,
    commandLine:
      command && `${input === undefined ? "" : `printf %s ${shellWord(input)} | `}${commandOf(command, flags, name)}`,
  };
}

const CURL = 'curl -u "$LATCHKEY_USER:$LATCHKEY_KEY"';

const posted = (address: string, body: object) =>
  `${CURL} -H "Content-Type: application/json" \\\n  -d '${JSON.stringify(body)}' \\\n  ${address}`;

const commandOf = ([command, ...words]: readonly string[], flags: readonly string[], name: string) =>
  ["latchkey", command, ...flags.map(shellWord), argument(name), ...words.map(shellWord)].join(" ");

/** What begins with a dash is no option. */
const argument = (name: string) => `${name.startsWith("-") ? "-- " : ""}${shellWord(name)}`;

/** One word of a POSIX shell, whatever the name holds. */
function shellWord(text: string): string {
  return /^[\w.@%+=:,/-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
