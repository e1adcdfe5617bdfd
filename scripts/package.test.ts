import { execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { POST as CREATE_SECRET } from "@/app/v2/workspaces/[workspaceId]/secrets/route";
import { useApiServer } from "@/lib/testing/api-server";
import { call } from "@/lib/testing/http";
import { type OAuthWorld, useOAuthWorld } from "@/lib/testing/oauth-world";
import { useSqlThreads } from "@/lib/testing/sql-thread";
import { ROOT } from "./lib/begin.mjs";
import { makePackage } from "./lib/client-package.mjs";

/** The package as somebody installs it: `latchkey/client` in a program, `latchkey` at the command line, and what plugs into it. */
vi.setConfig({ testTimeout: 120_000 });
const world: OAuthWorld = useOAuthWorld();
useSqlThreads();
const server = useApiServer();
let folder: string;
let env: Record<string, string>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "latchkey-package-"));
  const tarball = await makePackage(join(folder, "made"), folder);
  await mkdir(join(folder, "user"));
  await writeFile(join(folder, "user", "package.json"), '{"name":"user","private":true,"type":"module"}');
  execFileSync("npm", ["install", "--offline", "--no-audit", "--no-fund", tarball], {
    cwd: join(folder, "user"),
    stdio: "pipe",
  });
  env = {
    PATH: `${join(folder, "user", "node_modules", ".bin")}:${process.env.PATH}`,
    HOME: folder,
    GIT_TERMINAL_PROMPT: "0",
    LATCHKEY_URL: server.url,
    LATCHKEY_KEY: world.task.key,
    LATCHKEY_WORKSPACE: world.place.workspaceId,
  };
}, 120_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Ran {
  code: number | null;
  out: string;
  err: string;
}

/** The API is served by this process, so nothing here may block it. */
function ran(
  command: string,
  args: string[],
  { input = "", vars = env }: { input?: string; vars?: Record<string, string> } = {},
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: join(folder, "user"), env: vars as NodeJS.ProcessEnv });
    const said = { out: "", err: "" };
    child.stdout.on("data", (chunk) => {
      said.out += chunk;
    });
    child.stderr.on("data", (chunk) => {
      said.err += chunk;
    });
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, ...said }));
    child.stdin.on("error", () => undefined); // A command that reads nothing has closed it.
    child.stdin.end(input);
  });
}

const latchkey = (args: string[], more: Parameters<typeof ran>[2] = {}) => ran("latchkey", args, more);

let count = 0;
async function keep(
  type: string,
  credentials: Record<string, unknown>,
  name = `Kept ${++count}`,
  more: Record<string, unknown> = {},
): Promise<string> {
  const { workspaceId } = world.place;
  const { status } = await call(CREATE_SECRET, {
    method: "POST",
    url: `/v2/workspaces/${workspaceId}/secrets`,
    params: { workspaceId },
    as: world.owner.basic,
    json: { data: { type: "auth-secret", attributes: { name, type, credentials, ...more } } },
  });
  expect(status).toBe(201);
  return name;
}

describe("latchkey/client", () => {
  test("is imported by name, needs no other package, and is understood by TypeScript", async () => {
    const installed = join(folder, "user", "node_modules", "latchkey");
    const { dependencies } = JSON.parse(await readFile(join(installed, "package.json"), "utf8"));
    expect(dependencies).toBeUndefined();
    expect(await readFile(join(installed, "client.js"), "utf8")).not.toMatch(/\bnode:|\bfrom "[^./]|\brequire\(/);
    const name = await keep("basic", { username: "ada", password: "p" });
    const program = `
      import { createLatchkey, type SecretType } from "latchkey/client";
      const type: SecretType = "basic";
      const { secrets } = createLatchkey({
        url: process.env.LATCHKEY_URL ?? "", apiKey: process.env.LATCHKEY_KEY ?? "", workspace: process.env.LATCHKEY_WORKSPACE ?? "" });
      const found: { username: string; password: string } = await secrets.getBasicAuth(process.argv[2] ?? "");
      console.log(JSON.stringify(found));
    `;
    await writeFile(join(folder, "user", "program.mts"), program);
    await writeFile(
      join(folder, "user", "program.mjs"),
      program.replace(/: (?:\{ username: string; password: string \}|SecretType)|, type SecretType/g, ""),
    );
    expect(await ran(process.execPath, ["program.mjs", name])).toEqual({
      code: 0,
      out: '{"username":"ada","password":"p"}\n',
      err: "",
    });
    const tsc = join(ROOT, "node_modules", "typescript", "bin", "tsc");
    for (const [module, resolution] of [
      ["nodenext", "nodenext"],
      ["esnext", "bundler"],
    ] as const) {
      const options = [
        "--noEmit",
        "--strict",
        "--skipLibCheck",
        "false",
        "--target",
        "es2022",
        "--module",
        module,
        "--moduleResolution",
        resolution,
      ];
      const types = ["--types", "node", "--typeRoots", join(ROOT, "node_modules", "@types")];
      expect(await ran(process.execPath, [tsc, ...options, ...types, "program.mts"])).toEqual({
        code: 0,
        out: "",
        err: "",
      });
    }
  });
});

describe("the command line", () => {
  test("says how it is used, and what is wrong with a line", async () => {
    expect(await latchkey(["help"])).toMatchObject({ code: 0, err: "" });
    expect((await latchkey(["--version"])).out).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect(await latchkey([])).toMatchObject({ code: 2 });
    expect(await latchkey(["gte", "x"])).toMatchObject({ code: 2, err: expect.stringContaining("no command gte") });
    expect(await latchkey(["toString"])).toMatchObject({ code: 2 });
    expect(await latchkey(["get"])).toMatchObject({ code: 2, out: "" });
    expect(await latchkey(["list", "--jsn"])).toMatchObject({ code: 2, err: expect.stringContaining("--jsn") });
    expect(await latchkey(["token", "x", "--minimum-validity", "soon"])).toMatchObject({ code: 2 });
    expect(await latchkey(["sql", "x"])).toMatchObject({ code: 2 });
    const nobody = { PATH: String(env.PATH), HOME: folder };
    expect(await latchkey(["list"], { vars: nobody })).toMatchObject({
      code: 2,
      err: expect.stringContaining("latchkey login"),
    });
    const { key } = world.task;
    const wrong = { ...env, LATCHKEY_KEY: `${key.slice(0, -1)}${key.endsWith("x") ? "y" : "x"}` };
    expect(await latchkey(["list"], { vars: wrong })).toMatchObject({
      code: 1,
      out: "",
      err: expect.stringContaining("No valid API key"),
    });
    expect(await latchkey(["get", "no such"])).toMatchObject({
      code: 1,
      out: "",
      err: "latchkey: There is no secret “no such” in this workspace.\n",
    });
  });

  test("login keeps the key for this user alone, and no argument holds it", async () => {
    const vars = { PATH: String(env.PATH), HOME: folder, XDG_CONFIG_HOME: join(folder, "config") };
    const login = await latchkey(["login", "--url", server.url, "--workspace", world.place.workspaceId], {
      input: `${world.task.key}\n`,
      vars,
    });
    expect(login).toMatchObject({ code: 0, out: "", err: expect.stringContaining("Signed in as task-") });
    expect(login.err).not.toContain(world.task.key);
    const file = join(folder, "config", "latchkey", "login.json");
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await latchkey(["list"], { vars })).toMatchObject({ code: 0, err: "" });
    const person = ["login", "--url", server.url, "--user", world.owner.email];
    expect(await latchkey(person, { input: world.owner.key, vars })).toMatchObject({ code: 0 });
    expect(JSON.parse(await readFile(file, "utf8"))).toMatchObject({ workspace: world.place.workspaceId });
    const lost = await latchkey([...person, "--workspace", "Nowhere"], { input: world.owner.key, vars });
    expect(lost).toMatchObject({ code: 2, err: expect.stringContaining(world.place.workspaceId) });
    const elsewhere = await latchkey(["login", "--url", server.url, "--workspace", "0".repeat(24)], {
      input: world.task.key,
      vars,
    });
    expect(elsewhere).toMatchObject({ code: 1, err: expect.stringContaining("workspace") });
    const refused = await latchkey(["login", "--url", server.url], { input: "latchkey_task_nonsense", vars });
    expect(refused).toMatchObject({ code: 2, err: expect.stringContaining("--user") });
    expect(await latchkey(["logout"], { vars })).toMatchObject({ code: 0 });
    expect(existsSync(file)).toBe(false);
    expect(await latchkey(["list"], { vars })).toMatchObject({ code: 2 });
  });

  test("list, get and token", async () => {
    const name = await keep("basic", { username: "ada", password: "p:ä" });
    const { id, accessToken } = await world.addSecret({ kind: "grace", expiresIn: 3600 });
    const listed = await latchkey(["list"]);
    expect(listed.out).toMatch(new RegExp(`^${name} +basic +static `, "m"));
    expect(listed.out).not.toContain("p:ä");
    expect(JSON.parse((await latchkey(["list", "--json"])).out)).toContainEqual(
      expect.objectContaining({ name, type: "basic" }),
    );
    expect(await latchkey(["get", name, "password"])).toEqual({ code: 0, out: "p:ä", err: "" });
    expect(JSON.parse((await latchkey(["get", name])).out)).toEqual({ username: "ada", password: "p:ä" });
    expect(await latchkey(["get", name, "pasword"])).toMatchObject({
      code: 2,
      out: "",
      err: expect.stringContaining("username, password"),
    });
    expect(await latchkey(["token", id])).toEqual({ code: 0, out: accessToken, err: "" });
    expect(JSON.parse((await latchkey(["token", id, "--json"])).out)).toMatchObject({
      access_token: accessToken,
      token_type: "Bearer",
    });
  });

  test("request has Latchkey make it, with curl's options", async () => {
    const asked: string[] = [];
    const api: Server = createServer((request, response) => {
      let body = "";
      request.on("data", (chunk) => {
        body += chunk;
      });
      request.on("end", () => {
        asked.push(`${request.method} ${request.headers["x-key"]} ${request.headers["x-own"] ?? ""} ${body}`);
        response.writeHead(request.method === "DELETE" ? 404 : 200, { "x-answer": "1" }).end("bytes\0");
      });
    });
    await new Promise<void>((resolve) => api.listen(0, "127.0.0.1", resolve));
    const host = `127.0.0.1:${(api.address() as AddressInfo).port}`;
    const name = await keep("api_key", { headerName: "X-Key", headerValue: "stays there" }, undefined, {
      allowed_hosts: [host],
    });
    const url = `http://${host}/`;
    expect(await latchkey(["request", name, url])).toEqual({ code: 0, out: "bytes\0", err: "" });
    const sent = await latchkey(["request", name, url, "-H", "X-Own: 1", "-d", "@-", "-i"], { input: "given" });
    expect(sent.out).toMatch(/^HTTP 200\n(.+\n)*x-answer: 1\n(.+\n)*\nbytes\0$/);
    expect(await latchkey(["request", name, url, "-X", "delete", "-f"])).toMatchObject({ code: 22, out: "bytes\0" });
    expect(asked).toEqual(["GET stays there  ", "POST stays there 1 given", "DELETE stays there  "]);
    expect(await latchkey(["request", name, "https://elsewhere.example.com/"])).toMatchObject({ code: 1, out: "" });
    expect(await latchkey(["request", name, url, "-X", "BREW"])).toMatchObject({ code: 2 });
    expect(await latchkey(["request", name, url, "-H", "nonsense"])).toMatchObject({ code: 2 });
    await new Promise((resolve) => api.close(resolve));
  });

  test("sql reads by default, writes when told to, and keeps each value on its line", async () => {
    const [user, password] = ["cli_sql_user", "a password"];
    const { owner, url } = world.database;
    await owner.unsafe(`drop role if exists ${user}; create role ${user} login password '${password}'`);
    await owner.unsafe(`create schema cli authorization ${user}`);
    const { port, pathname } = new URL(url);
    const login = {
      host: "127.0.0.1",
      port: Number(port),
      database: pathname.slice(1),
      user,
      password,
      tls: "disable",
    };
    const name = await keep("postgresql", login);
    const make = "create table cli.things (id int, name text)";
    expect(await latchkey(["sql", name, make])).toMatchObject({ code: 1, out: "" });
    expect(await latchkey(["sql", name, make, "--write"])).toMatchObject({ code: 0, out: "" });
    const insert = ["sql", name, "insert into cli.things values ($1, $2)", "-p", "7", "-p", "two\nlines", "--write"];
    expect(await latchkey(insert)).toEqual({ code: 0, out: "", err: "1 row written\n" });
    const asked = await latchkey(["sql", name, "-"], { input: "select id, name, null as nothing from cli.things" });
    expect(asked).toEqual({ code: 0, out: "id  name        nothing\n7   two\\nlines\n", err: "" });
    const json = await latchkey(["sql", name, "select name from cli.things", "--json"]);
    expect(JSON.parse(json.out)).toEqual([{ name: "two\nlines" }]);
    await vi.waitFor(async () => owner.unsafe(`drop owned by ${user}; drop role ${user}`), { timeout: 60_000 });
  });

  test("sign and verify", async () => {
    const name = await keep("hs256", { secret: "a shared secret of 32 bytes or more" });
    const signed = await latchkey(["sign", name, "--claims", '{"sub":"order-7","aud":"api"}', "--lifetime", "60"]);
    expect(signed).toMatchObject({ code: 0, err: "" });
    const good = await latchkey(["verify", name, "--audience", "api"], { input: `${signed.out}\n` });
    expect(JSON.parse(good.out)).toMatchObject({ sub: "order-7", aud: "api" });
    expect(await latchkey(["verify", name, "--audience", "other"], { input: signed.out })).toMatchObject({
      code: 1,
      out: "",
    });
    expect(await latchkey(["verify", name])).toMatchObject({ code: 2 });
    expect(await latchkey(["sign", name, "--claims", "[]"])).toMatchObject({ code: 2 });
  });

  test("exec gives a command the values it names, hands its exit code on, and keeps Latchkey's key", async () => {
    const name = await keep("basic", { username: "ada", password: "p w" });
    const { id, accessToken } = await world.addSecret({ kind: "grace", expiresIn: 3600 });
    const dotted = await keep("api_key", { headerName: "X-Key", headerValue: "v" }, `example.com ${++count}.test`);
    const script =
      "process.stdout.write(JSON.stringify([process.env.A, process.env.B, process.env.C, process.env.LATCHKEY_KEY ?? null])); process.exit(7)";
    const done = await latchkey([
      "exec",
      "--env",
      `A=${name}.password`,
      "--env",
      `B=${id}`,
      "--env",
      `C=${dotted}`,
      "--",
      process.execPath,
      "-e",
      script,
    ]);
    expect(done).toEqual({ code: 7, out: JSON.stringify(["p w", accessToken, "v", null]), err: "" });
    expect(await latchkey(["exec", "--env", `A=${name}`, "--", "true"])).toMatchObject({
      code: 2,
      err: expect.stringContaining(`${name}.password`),
    });
    expect(await latchkey(["exec", "--env", `A=${name}.password`, "--", "no-such-command"])).toMatchObject({
      code: 127,
    });
    expect(await latchkey(["exec", "--env", `A=${name}.password`])).toMatchObject({ code: 2 });
    const ended = await latchkey([
      "exec",
      "--env",
      `A=${name}.password`,
      "--",
      process.execPath,
      "-e",
      "process.kill(process.pid, 'SIGTERM'); setTimeout(() => {}, 9e4)",
    ]);
    expect(ended.code).toBe(143);
  });
});

describe("what other programs plug in", () => {
  const git = (operation: string, name: string, input: string) =>
    ran(
      "git",
      [
        "-c",
        "credential.helper=",
        "-c",
        `credential.helper=!latchkey git-credential "${name}"`,
        "credential",
        operation,
      ],
      { input },
    );

  test("git is given user and password, or a token, and a refused token is renewed", async () => {
    const name = await keep("basic", { username: "ada", password: "p=w" });
    const asked = "protocol=https\nhost=git.example.com\n\n";
    const filled = await git("fill", name, asked);
    expect([filled.code, filled.out.split("\n").slice(2, 4)]).toEqual([0, ["username=ada", "password=p=w"]]);
    const { id, accessToken } = await world.addSecret({ kind: "soft", expiresIn: 3600 });
    const withToken = (await git("fill", id, asked)).out;
    expect(withToken).toContain(`username=oauth2\npassword=${accessToken}\n`);
    expect((await git("reject", id, withToken)).code).toBe(0);
    expect(world.idp.calls).toHaveLength(1);
    expect((await git("fill", id, asked)).out).not.toContain(accessToken);
    // What git was told by somebody else is not ours to report.
    expect((await git("reject", id, `${asked.trim()}\nusername=x\npassword=y\n\n`)).code).toBe(0);
    expect(world.idp.calls).toHaveLength(1);
  });

  test("curl reads a netrc line, whatever the password holds", async () => {
    const name = await keep("basic", { username: "ada", password: 'a "quoted\\ p' });
    let seen = "";
    const api: Server = createServer((request, response) => {
      seen = request.headers.authorization ?? "";
      response.end("ok");
    });
    await new Promise<void>((resolve) => api.listen(0, "127.0.0.1", resolve));
    const line = (await latchkey(["netrc", "127.0.0.1", name])).out;
    await writeFile(join(folder, "netrc"), line, { mode: 0o600 });
    const url = `http://127.0.0.1:${(api.address() as AddressInfo).port}/`;
    expect(await ran("curl", ["-sS", "--netrc-file", join(folder, "netrc"), url])).toMatchObject({
      code: 0,
      out: "ok",
    });
    expect(Buffer.from(seen.split(" ")[1] ?? "", "base64").toString()).toBe('ada:a "quoted\\ p');
    await new Promise((resolve) => api.close(resolve));
  });

  test("kubectl, docker and the AWS tools get what they read", async () => {
    const { id, accessToken } = await world.addSecret({ kind: "grace", expiresIn: 3600 });
    const kube = JSON.parse((await latchkey(["kube-credential", id])).out);
    expect(kube).toMatchObject({
      apiVersion: "client.authentication.k8s.io/v1",
      kind: "ExecCredential",
      status: { token: accessToken },
    });
    expect(Date.parse(kube.status.expirationTimestamp)).toBeGreaterThan(Date.now());
    const beta = {
      ...env,
      KUBERNETES_EXEC_INFO: '{"apiVersion":"client.authentication.k8s.io/v1beta1","kind":"ExecCredential"}',
    };
    expect(JSON.parse((await latchkey(["kube-credential", id], { vars: beta })).out).apiVersion).toMatch(/v1beta1$/);
    const docker = await latchkey(["docker-credential", id, "get"], { input: "https://registry.example.com\n" });
    expect(JSON.parse(docker.out)).toEqual({
      ServerURL: "https://registry.example.com",
      Username: "<token>",
      Secret: accessToken,
    });
    const name = await keep("basic", { username: "AKIA", password: "s/k" });
    expect(JSON.parse((await latchkey(["aws-credential-process", name])).out)).toEqual({
      Version: 1,
      AccessKeyId: "AKIA",
      SecretAccessKey: "s/k",
    });
    expect(await latchkey(["aws-credential-process", id])).toMatchObject({
      code: 1,
      out: "",
      err: expect.stringContaining("oauth2"),
    });
  });
});
