import type { AuthSecret, SecretType } from "@/lib/sdk/resources";
import { SECRET_TYPES } from "@/lib/secret-types";

/** Lines to copy that use exactly this secret. Keys stand in variables: no line holds a value. */
export interface UseLines {
  curl: string;
  program: string;
  commandLine: string;
  /** A request that Latchkey makes; null for a type that makes none. */
  through: string | null;
}

/** How a program reads a secret of this type. A type not named here is read whole. */
const CALLS: Partial<Record<SecretType, (name: string) => string>> = {
  oauth2: (name) => `const answer = await latchkey.fetch(${name}, "https://api.example.com/");`,
  password: (name) => `const password = await latchkey.secrets.getPassword(${name});`,
  basic: (name) => `const { username, password } = await latchkey.secrets.getBasicAuth(${name});`,
  api_key: (name) => `const answer = await latchkey.fetch(${name}, "https://api.example.com/");`,
  http_headers: (name) => `const headers = await latchkey.secrets.getHeaders(${name});`,
};

/** @param origin where Latchkey is, such as `https://latchkey.example.com` */
export function useLinesOf(origin: string, workspaceId: string, { id, attributes }: AuthSecret): UseLines {
  const { name, type } = attributes;
  const address = `${origin}/v2/workspaces/${workspaceId}/secrets/${id}`;
  const call =
    CALLS[type]?.(JSON.stringify(name)) ??
    `const { values } = await latchkey.secrets.getValues(${JSON.stringify(name)});`;
  const [allowed = "api.example.com"] = attributes.allowed_hosts ?? [];
  const [place = "", method] = allowed.split(" ").reverse();
  const url = `https://${place.replace("*", "www")}${place.includes("/") ? "" : "/"}`;
  return {
    through:
      SECRET_TYPES[type].injects === null
        ? null
        : `curl -u "$LATCHKEY_USER:$LATCHKEY_KEY" -H "Content-Type: application/json" \\
  -d '${JSON.stringify(method === undefined || method === "GET" ? { url } : { method, url })}' \\
  ${address}/request`,
    curl: `curl -u "$LATCHKEY_USER:$LATCHKEY_KEY" \\\n  ${address}${type === "oauth2" ? "/token?minimum_validity=60" : ""}`,
    program: `import { createLatchkey } from "latchkey/client";

const latchkey = createLatchkey({
  url: ${JSON.stringify(origin)},
  apiKey: process.env.LATCHKEY_KEY,
  workspace: ${JSON.stringify(workspaceId)},
});
${call}`,
    commandLine: type === "oauth2" ? `latchkey token ${argument(name)}` : `latchkey get ${argument(name)}`,
  };
}

/** What begins with a dash is no option. */
const argument = (name: string) => `${name.startsWith("-") ? "-- " : ""}${shellWord(name)}`;

/** One word of a POSIX shell, whatever the name holds. */
function shellWord(text: string): string {
  return /^[\w.@%+=:,/-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
