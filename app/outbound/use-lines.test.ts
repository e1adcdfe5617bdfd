import { readFile, stat, writeFile } from "node:fs/promises";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { YOUR_PROGRAM } from "@/components/endpoints/proxy-lines";
import { KEY_FILE, KEY_FILE_COMMAND } from "@/components/secrets/outbound-lines";
import { type UseLines, useLinesOf } from "@/components/secrets/use-lines";
import { freePort } from "@/lib/db/free-port";
import type { AuthSecret } from "@/lib/sdk/resources";
import { SECRET_TYPE_NAMES, type SecretTypeName } from "@/lib/secret-types";
import { useApiServer } from "@/lib/testing/api-server";
import { useInstalledPackage } from "@/lib/testing/installed-package";
import { type MariadbServer, startMariadb } from "@/lib/testing/mariadb";
import { useOAuthWorld } from "@/lib/testing/oauth-world";
import { useSqlThreads } from "@/lib/testing/sql-thread";
import { type RunningProxy, startNginx } from "@/lib/testing/topology/proxy";

/**
 * The lines of *Use it*, run as they are given to copy, for every type: curl, the program, the command, nginx both ways. All that is changed
 * is http for https, because what stands for somebody's API has no certificate, and where the files lie.
 */
vi.setConfig({ testTimeout: 120_000, hookTimeout: 180_000 });
const world = useOAuthWorld();
useSqlThreads();
const server = useApiServer();
const installed = useInstalledPackage(world, server);
const WITHOUT_ENCRYPTION = { tls: "disable" };
const SHARED = "a shared secret of 32 bytes or more";

let mariadb: MariadbServer;
let api: Server;
let host: string;
let seen: { path: string; headers: IncomingHttpHeaders }[];
let nginx: RunningProxy;
/** nginx's port for requests that go out, and one for each type that lets callers in. */
let outPort: number;
const inPorts = new Map<SecretTypeName, number>();
const secrets = new Map<SecretTypeName, { secret: AuthSecret; lines: UseLines }>();

/** The API over HTTP, as the workspace's owner. */
async function asOwner(method: string, path: string, body?: unknown) {
  const response = await fetch(`${server.url}/v2/workspaces/${world.place.workspaceId}${path}`, {
    method,
    headers: { ...world.owner.basic, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as { data: AuthSecret };
}

const POSTGRES_USER = "use_lines_user";

async function credentialsOf(type: SecretTypeName): Promise<Record<string, unknown>> {
  if (type === "basic") return { username: "ada", password: "basic-pass-word" };
  if (type === "password") return { password: "password-value-1" };
  if (type === "api_key") return { headerName: "X-Api-Key", headerValue: "api-key-value-1" };
  if (type === "http_headers") return { headers: { "X-Tenant": "tenant-value-1", "X-Key": "header-value-2" } };
  if (type === "hs256") return { secret: SHARED };
  if (type === "mysql") {
    await mariadb.administer(
      "create database shop",
      "create user u identified by 'p w'",
      "grant select on shop.* to u",
    );
    return {
      host: "127.0.0.1",
      port: mariadb.port,
      database: "shop",
      user: "u",
      password: "p w",
      ...WITHOUT_ENCRYPTION,
    };
  }
  if (type === "postgresql") {
    const { owner, url } = world.database;
    await owner.unsafe(`drop role if exists ${POSTGRES_USER}; create role ${POSTGRES_USER} login password 'p w'`);
    const { port, pathname } = new URL(url);
    const place = { host: "127.0.0.1", port: Number(port), database: pathname.slice(1) };
    return { ...place, user: POSTGRES_USER, password: "p w", ...WITHOUT_ENCRYPTION };
  }
  return {};
}

/** A secret of the type whose name needs quotes, which may go to a path of its own. */
async function add(type: SecretTypeName): Promise<AuthSecret> {
  const attributes = { name: `Ada's ${type}`, allowed_hosts: [`${host}/${type}/`] };
  if (type === "oauth2") {
    const { id } = await world.addSecret({ kind: "grace", expiresIn: 3600 }, { name: attributes.name });
    const { allowed_hosts } = attributes;
    await asOwner("PATCH", `/secrets/${id}`, { data: { id, type: "auth-secret", attributes: { allowed_hosts } } });
    return (await asOwner("GET", `/secrets/${id}`)).data;
  }
  const credentials = await credentialsOf(type);
  const data = { type: "auth-secret", attributes: { ...attributes, type, credentials } };
  const { id } = (await asOwner("POST", "/secrets", { data })).data;
  return (await asOwner("GET", `/secrets/${id}`)).data;
}

/** A `server` of nginx for each, in one process. */
async function startProxies(): Promise<void> {
  const keyFile = join(installed.folder, "latchkey-key.conf");
  const made = await shell(KEY_FILE_COMMAND.replaceAll(KEY_FILE, keyFile));
  expect(made).toEqual({ code: 0, out: "", err: "" });
  const serverOn = (port: number, lines: string) => `  server {\n listen 127.0.0.1:${port};\n ${lines}\n }`;
  outPort = await freePort();
  const outgoing: string[] = [];
  const servers: string[] = [];
  for (const [type, { lines }] of secrets) {
    if (lines.outgoing)
      outgoing.push(
        lines.outgoing
          .replace("include", "proxy_set_header X-Latchkey-Scheme http;\n  include")
          .replace(KEY_FILE, keyFile),
      );
    if (!lines.incoming) continue;
    const port = await freePort();
    inPorts.set(type, port);
    servers.push(serverOn(port, lines.incoming.replace(YOUR_PROGRAM, `http://${host}`)));
  }
  const place = join(installed.folder, "nginx");
  const temporary = ["client_body", "proxy", "fastcgi", "scgi", "uwsgi"];
  nginx = await startNginx(process.cwd(), {
    folder: place,
    port: outPort,
    text: `worker_processes 1;
pid ${place}/pid;
error_log ${place}/error.log warn;
events { worker_connections 512; }
http {
  access_log off;
  ${temporary.map((kind) => `${kind}_temp_path ${place}/${kind};`).join("\n  ")}
${serverOn(outPort, outgoing.join("\n"))}
${servers.join("\n")}
}
`,
  });
}

const shell = (line: string) => {
  const { username, key } = world.task;
  const vars = { ...installed.env, LATCHKEY_USER: username, LATCHKEY_KEY: key };
  return installed.ran("sh", ["-c", line], { vars });
};

const plain = (text: string) => text.replaceAll(`https://${host}`, `http://${host}`);

beforeAll(async () => {
  mariadb = await startMariadb();
  api = createServer((request, response) => {
    seen.push({ path: request.url ?? "", headers: request.headers });
    response.end("from the API");
  });
  await new Promise<void>((resolve) => api.listen(0, "127.0.0.1", resolve));
  host = `127.0.0.1:${(api.address() as AddressInfo).port}`;
  seen = [];
  for (const type of SECRET_TYPE_NAMES) {
    const secret = await add(type);
    const opens = ["basic", "api_key", "hs256", "rs256"].includes(type);
    const relationships = { secrets: { data: [{ id: secret.id, type: "auth-secret" }] } };
    const endpoint = opens
      ? await asOwner("POST", "/endpoints", { data: { type: "endpoint", attributes: { name: type }, relationships } })
      : null;
    const checkUrl = endpoint ? `${server.url}/inbound/${endpoint.data.id}/check` : undefined;
    secrets.set(type, { secret, lines: useLinesOf(server.url, world.place.workspaceId, secret, checkUrl) });
  }
  await startProxies();
});
afterAll(async () => {
  await nginx?.stop();
  await new Promise((resolve) => api.close(resolve));
  await mariadb?.stop();
  const { owner } = world.database;
  await vi.waitFor(async () => owner.unsafe(`drop role if exists ${POSTGRES_USER}`), { timeout: 60_000 });
});

const of = (type: SecretTypeName) => {
  const found = secrets.get(type);
  if (!found) throw new Error(type);
  return found;
};

/** What a request carries with each. */
const CARRIED: Partial<Record<SecretTypeName, (headers: IncomingHttpHeaders) => unknown>> = {
  oauth2: ({ authorization }) => expect(authorization).toMatch(/^Bearer \S{10,}$/),
  basic: ({ authorization }) => expect(authorization).toBe(`Basic ${btoa("ada:basic-pass-word")}`),
  password: ({ authorization }) => expect(authorization).toBe("Bearer password-value-1"),
  api_key: (headers) => expect(headers["x-api-key"]).toBe("api-key-value-1"),
  http_headers: (headers) =>
    expect([headers["x-tenant"], headers["x-key"]]).toEqual(["tenant-value-1", "header-value-2"]),
  hs256: ({ authorization }) => expect(authorization).toMatch(/^Bearer ey\S+\.ey\S+\.\S+$/),
  rs256: ({ authorization }) => expect(authorization).toMatch(/^Bearer ey\S+\.ey\S+\.\S+$/),
};

/** What answers to curl, to the command and to the program's last line. */
const ANSWERS: Record<SecretTypeName, RegExp> = {
  oauth2: /^\S{10,}$|"access_token"|from the API/,
  basic: /basic-pass-word/,
  password: /password-value-1/,
  api_key: /api-key-value-1|from the API/,
  http_headers: /tenant-value-1/,
  hs256: /ey\w+\.ey/,
  rs256: /ey\w+\.ey/,
  mysql: /\bone\b.*1/s,
  postgresql: /\bone\b.*1/s,
  noauth: /\{\}/,
};

test.each(SECRET_TYPE_NAMES)("%s: curl, the command and the program do what they say", async (type) => {
  const { lines } = of(type);
  const curl = await shell(lines.curl.replace("curl", "curl -sS --fail-with-body"));
  expect([curl.code, curl.out]).toEqual([0, expect.stringMatching(type === "noauth" ? /auth-secret/ : ANSWERS[type])]);
  const command = await shell(String(lines.commandLine));
  expect(command).toEqual({ code: 0, out: expect.stringMatching(ANSWERS[type]), err: "" });
  const file = join(installed.folder, "user", `${type}.mjs`);
  const [, made = ""] = /\nconst (.+?) = await .*$/.exec(lines.program) ?? [];
  const show = "console.log(shown instanceof Response ? await shown.text() : JSON.stringify(shown));";
  await writeFile(file, `${plain(lines.program)}\nconst shown = (${made});\n${show}\n`);
  const program = await shell(`node ${file}`);
  expect(program).toEqual({ code: 0, out: expect.stringMatching(ANSWERS[type]), err: "" });
});

test.each(Object.keys(CARRIED) as SecretTypeName[])(
  "%s: a request through Latchkey, and nginx that makes it",
  async (type) => {
    const { lines } = of(type);
    seen = [];
    const through = await shell(plain(String(lines.through)).replace("curl", "curl -sS --fail-with-body"));
    expect([through.code, through.out]).toEqual([0, expect.stringContaining("from the API")]);
    const asked = `http://127.0.0.1:${outPort}/${host}/${type}/v1/me?a=b%20c`;
    const answered = await fetch(asked, {
      method: "POST",
      body: "given",
      headers: { cookie: "session=1", range: "bytes=0-" },
    });
    expect([answered.status, await answered.text()]).toEqual([200, "from the API"]);
    expect(seen.map(({ path }) => path)).toEqual([`/${type}/`, `/${type}/v1/me?a=b%20c`]);
    for (const { headers } of seen) {
      CARRIED[type]?.(headers);
      expect(headers.cookie).toBeUndefined();
    }
  },
);

test.each(["basic", "api_key", "hs256", "rs256"] as const)(
  "%s: nginx lets through who knows it, and nobody else",
  async (type) => {
    const url = `http://127.0.0.1:${inPorts.get(type)}/orders`;
    const signed = async () => (await shell(String(of(type).lines.commandLine))).out;
    const right = {
      basic: async () => ({ authorization: `Basic ${btoa("ada:basic-pass-word")}` }),
      api_key: async () => ({ "x-api-key": "api-key-value-1" }),
      hs256: async () => ({ authorization: `Bearer ${await signed()}` }),
      rs256: async () => ({ authorization: `Bearer ${await signed()}` }),
    }[type];
    expect((await fetch(url)).status).toBe(401);
    const answered = await fetch(url, { headers: await right() });
    expect([answered.status, await answered.text()]).toEqual([200, "from the API"]);
  },
);

test("the programs are what TypeScript takes", async () => {
  const files: string[] = [];
  for (const [type, { lines }] of secrets) {
    files.push(`${type}.mts`);
    await writeFile(join(installed.folder, "user", `${type}.mts`), `${lines.program}\nexport {};\n`);
  }
  expect(await installed.typesOf(files)).toEqual({ code: 0, out: "", err: "" });
});

test("the file with the key is for its owner alone", async () => {
  const file = join(installed.folder, "latchkey-key.conf");
  expect(await readFile(file, "utf8")).toMatch(/^proxy_set_header Authorization "Basic \S+";\n$/);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
});
