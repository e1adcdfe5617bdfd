import { existsSync } from "node:fs";
import { readFile, stat, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { useApiServer } from "@/lib/testing/api-server";
import { useInstalledPackage } from "@/lib/testing/installed-package";
import { type OAuthWorld, useOAuthWorld } from "@/lib/testing/oauth-world";
import { useSqlThreads } from "@/lib/testing/sql-thread";
import { ROOT } from "./lib/begin.mjs";

/** The package as somebody installs it: `latchkey/client` in a program, and `latchkey` at the command line. */
vi.setConfig({ testTimeout: 120_000 });
const world: OAuthWorld = useOAuthWorld();
useSqlThreads();
const server = useApiServer();
const installed = useInstalledPackage(world, server);
const { latchkey, ran, keep } = installed;

describe("latchkey/client", () => {
  test("is imported by name, needs no other package, and is understood by TypeScript", async () => {
    const lies = join(installed.folder, "user", "node_modules", "latchkey");
    const { dependencies } = JSON.parse(await readFile(join(lies, "package.json"), "utf8"));
    expect(dependencies).toBeUndefined();
    expect(await readFile(join(lies, "client.js"), "utf8")).not.toMatch(/\bnode:|\bfrom "[^./]|\brequire\(/);
    const name = await keep("basic", { username: "ada", password: "p" });
    const program = `
      import { createLatchkey, type SecretType } from "latchkey/client";
      const type: SecretType = "basic";
      const { secrets } = createLatchkey({
        url: process.env.LATCHKEY_URL ?? "", apiKey: process.env.LATCHKEY_KEY ?? "", workspace: process.env.LATCHKEY_WORKSPACE ?? "" });
      const found: { username: string; password: string } = await secrets.getBasicAuth(process.argv[2] ?? "");
      console.log(JSON.stringify(found));
    `;
    await writeFile(join(installed.folder, "user", "program.mts"), program);
    await writeFile(
      join(installed.folder, "user", "program.mjs"),
      program.replace(/: (?:\{ username: string; password: string \}|SecretType)|, type SecretType/g, ""),
    );
    expect(await ran(process.execPath, ["program.mjs", name])).toEqual({
      code: 0,
      out: '{"username":"ada","password":"p"}\n',
      err: "",
    });
    for (const module of ["nodenext", "esnext"] as const)
      expect(await installed.typesOf(["program.mts"], module)).toEqual({ code: 0, out: "", err: "" });
  });

  test("README's example is what TypeScript takes", async () => {
    const readme = await readFile(join(ROOT, "README.md"), "utf8");
    const [, example] = /```ts\n(import .*?)```/s.exec(readme) ?? [];
    await writeFile(join(installed.folder, "user", "readme.mts"), String(example));
    expect(await installed.typesOf(["readme.mts"])).toEqual({ code: 0, out: "", err: "" });
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
    const nobody = { PATH: String(installed.env.PATH), HOME: installed.folder };
    expect(await latchkey(["list"], { vars: nobody })).toMatchObject({
      code: 2,
      err: expect.stringContaining("latchkey login"),
    });
    const wrongWords = await latchkey(["get", "Old", "system", "password"]);
    expect(wrongWords).toMatchObject({ code: 2, err: expect.stringContaining("Usage: latchkey get NAME [MEMBER]") });
    for (const args of [
      ["get", "--help"],
      ["help", "get"],
      ["get", "x", "-h"],
    ]) {
      const { code, out } = await latchkey(args);
      expect([code, out]).toEqual([0, expect.stringMatching(/^latchkey get NAME \[MEMBER\]\n/)]);
    }
    expect((await latchkey(["gte"])).err).toContain("Is it get?");
    const { key } = world.task;
    const wrong = { ...installed.env, LATCHKEY_KEY: `${key.slice(0, -1)}${key.endsWith("x") ? "y" : "x"}` };
    expect(await latchkey(["list"], { vars: wrong })).toMatchObject({
      code: 1,
      out: "",
      err: expect.stringContaining("No valid API key"),
    });
    await keep("password", { password: "p" }, { name: "Mail server" });
    for (const [name, hint] of [
      ["no such", "latchkey list shows which there are."],
      ["mial server", "Is it “Mail server”?"],
    ])
      expect(await latchkey(["get", String(name)])).toEqual({
        code: 1,
        out: "",
        err: `latchkey: There is no secret “${name}” in this workspace. ${hint}\n`,
      });
  });

  test("an address that is none, leads nowhere, elsewhere, or to another program", async () => {
    const at = (url: string) => latchkey(["list"], { vars: { ...installed.env, LATCHKEY_URL: url } });
    expect(await at("localhost:3000")).toMatchObject({
      code: 2,
      err: expect.stringContaining("LATCHKEY_URL must begin"),
    });
    const other = createServer((request, response) => {
      if (request.headers.host?.startsWith("localhost")) response.writeHead(301, { location: "/there" }).end();
      else response.end("<html>");
    });
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const { port } = other.address() as AddressInfo;
    expect((await at(`http://127.0.0.1:${port}`)).err).toContain("Is it Latchkey that answers");
    expect((await at(`http://localhost:${port}`)).err).toContain("leads elsewhere");
    await new Promise((resolve) => other.close(resolve));
    const nobody = await at(`http://127.0.0.1:${port}`);
    expect(nobody).toMatchObject({ code: 1, out: "" });
    expect(nobody.err).toMatch(/^latchkey: Latchkey could not be reached: connect ECONNREFUSED .*LATCHKEY_URL.*\n$/);
  });

  test("a reader that goes away, a full disk, and a file that is not there, leave no trace of our insides", async () => {
    await keep("noauth", {});
    const { out } = await ran("bash", ["-c", 'latchkey list | true; echo "$' + '{PIPESTATUS[0]}"']);
    expect(out).toMatch(/^(0|141)\n$/);
    const full = await ran("sh", ["-c", "latchkey help > /dev/full"]);
    expect(full).toMatchObject({ code: 1, err: expect.stringMatching(/^latchkey: ENOSPC: .*\n$/) });
    const missing = await latchkey(["request", "x", "https://api.example.com/", "-d", "@no-such-file"]);
    expect(missing).toMatchObject({ code: 1, err: expect.stringMatching(/^latchkey: .*no-such-file'\n$/) });
  });

  test("login keeps the key for this user alone, and no argument holds it", async () => {
    const vars = {
      PATH: String(installed.env.PATH),
      HOME: installed.folder,
      XDG_CONFIG_HOME: join(installed.folder, "config"),
    };
    const login = await latchkey(["login", "--url", server.url, "--workspace", world.place.workspaceId], {
      input: `${world.task.key}\n`,
      vars,
    });
    expect(login).toMatchObject({ code: 0, out: "", err: expect.stringContaining("Signed in as task-") });
    expect(login.err).not.toContain(world.task.key);
    const file = join(installed.folder, "config", "latchkey", "login.json");
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
    const name = await keep("api_key", { headerName: "X-Key", headerValue: "stays there" }, { allowed_hosts: [host] });
    const url = `http://${host}/`;
    expect(await latchkey(["request", name, url])).toEqual({ code: 0, out: "bytes\0", err: "" });
    const sent = await latchkey(["request", name, url, "-H", "X-Own: 1", "-d", "@-", "-i"], { input: "given" });
    expect(sent.out).toMatch(/^HTTP 200\n(.+\n)*x-answer: 1\n(.+\n)*\nbytes\0$/);
    expect(await latchkey(["request", name, url, "-X", "delete", "-f"])).toMatchObject({ code: 22, out: "bytes\0" });
    expect(asked).toEqual(["GET stays there  ", "POST stays there 1 given", "DELETE stays there  "]);
    expect(await latchkey(["request", name, "https://elsewhere.example.com/"])).toMatchObject({ code: 1, out: "" });
    const password = await keep("password", { password: "w" }, { allowed_hosts: [host] });
    const filledIn = JSON.stringify({ a: `{{ "${password}".password }}` });
    expect(await latchkey(["request", name, url, "-d", filledIn])).toMatchObject({ code: 0 });
    expect(asked.at(-1)).toBe('POST stays there  {"a":"w"}');
    expect(await latchkey(["request", name, url, "-d", filledIn, "--no-templates"])).toMatchObject({ code: 0 });
    expect(asked.at(-1)).toBe(`POST stays there  ${filledIn}`);
    const own = await latchkey(["request", name, url, "-H", "@-"], { input: "X-Own: of a file\n" });
    expect([own.code, asked.at(-1)]).toEqual([0, "GET stays there of a file "]);
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
    const both = await latchkey(["sql", name, "select name from cli.things where id = $1", "--params", "-"], {
      input: "[7]",
    });
    expect(both.out).toContain("two\\nlines");
    expect(await latchkey(["sql", name, "-", "--params", "-"], { input: "[]" })).toMatchObject({ code: 2 });
    expect(await latchkey(["sql", name, "select 1", "--params", "7"])).toMatchObject({ code: 2 });
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

  test("a text that is no token: signed, and encrypted, to the last character", async () => {
    const name = await keep("rs256", {});
    const text = "order 7: paid\n";
    const sealed = await latchkey(["sign", name, "--payload", "-"], { input: text });
    expect(await latchkey(["verify", name, "--payload"], { input: sealed.out })).toEqual({
      code: 0,
      out: text,
      err: "",
    });
    expect(await latchkey(["verify", name], { input: sealed.out })).toMatchObject({ code: 1, out: "" });
    expect(await latchkey(["sign", name, "--payload", "x", "--lifetime", "5"])).toMatchObject({ code: 2 });
    const other = await keep("rs256", { use: "encrypt" });
    const encrypted = await latchkey(["encrypt", other], { input: text });
    expect(encrypted.out.split(".")).toHaveLength(5);
    expect(await latchkey(["decrypt", other], { input: encrypted.out })).toEqual({ code: 0, out: text, err: "" });
  });

  test("exec gives a command the values it names, hands its exit code on, and keeps Latchkey's key", async () => {
    const name = await keep("basic", { username: "ada", password: "p w" });
    const { id, accessToken } = await world.addSecret({ kind: "grace", expiresIn: 3600 });
    const dotted = await keep(
      "api_key",
      { headerName: "X-Key", headerValue: "v" },
      { name: "example.com dotted.test" },
    );
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
    const inTheWay = await latchkey(["exec", "--env", `A=${name}.password`, "--", installed.folder]);
    expect(inTheWay).toMatchObject({ code: 126, err: `latchkey: may not run ${installed.folder}\n` });
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
