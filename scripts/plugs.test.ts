import { writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { useApiServer } from "@/lib/testing/api-server";
import { useInstalledPackage } from "@/lib/testing/installed-package";
import { type OAuthWorld, useOAuthWorld } from "@/lib/testing/oauth-world";

/** The installed command line, called by other programs in their own ways. */
vi.setConfig({ testTimeout: 120_000 });
const world: OAuthWorld = useOAuthWorld();
const installed = useInstalledPackage(world, useApiServer());
const { latchkey, ran, keep } = installed;

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

  test("git finds the program by its name, and the secret by the host's", async () => {
    await keep("basic", { username: "ada", password: "of the host" }, { name: "git.example.org:8443" });
    const fill = (host: string) =>
      ran("git", ["-c", "credential.helper=", "-c", "credential.helper=latchkey", "credential", "fill"], {
        input: `protocol=https\nhost=${host}\n\n`,
      });
    expect((await fill("git.example.org:8443")).out).toContain("username=ada\npassword=of the host\n");
    const unknown = await fill("git.example.net");
    // git goes on to ask a person, of whom there is none, and nothing of ours was said.
    expect(unknown).toMatchObject({ code: 128, out: "" });
    expect(unknown.err).not.toContain("latchkey");
    const named = await keep("password", { password: "by name" }, { name: "Git server" });
    const config = `credential.helper=latchkey "${named}"`;
    const filled = await ran("git", ["-c", "credential.helper=", "-c", config, "credential", "fill"], {
      input: "protocol=https\nhost=git.example.net\n\n",
    });
    expect(filled.out).toContain("username=oauth2\npassword=by name\n");
    expect(await ran("git-credential-latchkey", ["capability"])).toEqual({ code: 0, out: "", err: "" });
  });

  test("docker's protocol: what goes wrong is said on standard output", async () => {
    const docker = (operation: string, input = "") => ran("docker-credential-latchkey", [operation], { input });
    await keep("basic", { username: "puller", password: "p w" }, { name: "registry.example.com" });
    const got = await docker("get", "https://registry.example.com/v2/\n");
    expect(got).toMatchObject({ code: 0, err: "" });
    expect(JSON.parse(got.out)).toEqual({
      ServerURL: "https://registry.example.com/v2/",
      Username: "puller",
      Secret: "p w",
    });
    expect(JSON.parse((await docker("list")).out)).toMatchObject({ "registry.example.com": "" });
    // The words by which docker goes on without a login.
    expect(await docker("get", "registry.example.net")).toEqual({
      code: 1,
      out: "credentials not found in native keychain",
      err: "",
    });
    expect(await docker("get")).toEqual({ code: 1, out: "no credentials server URL", err: "" });
    const store = (Secret: string) =>
      docker("store", JSON.stringify({ ServerURL: "registry.example.com", Username: "puller", Secret }));
    expect(await store("p w")).toEqual({ code: 0, out: "", err: "" });
    expect(await store("another")).toMatchObject({
      code: 1,
      out: expect.stringContaining("Nothing was stored"),
      err: "",
    });
    expect(await docker("store", "x")).toMatchObject({
      code: 1,
      out: expect.stringContaining("no JSON object"),
      err: "",
    });
    expect(await docker("erase", "registry.example.com")).toEqual({ code: 0, out: "", err: "" });
    expect((await docker("get", "registry.example.com")).code).toBe(0);
    expect(await docker("fetch")).toMatchObject({ code: 1, out: expect.stringContaining("not fetch"), err: "" });
    const { id, accessToken } = await world.addSecret({ kind: "grace", expiresIn: 3600 });
    const named = await ran("latchkey", ["docker-credential", id, "get"], { input: "europe-docker.pkg.dev" });
    expect(JSON.parse(named.out)).toMatchObject({ Username: "oauth2accesstoken", Secret: accessToken });
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
    await writeFile(join(installed.folder, "netrc"), line, { mode: 0o600 });
    const url = `http://127.0.0.1:${(api.address() as AddressInfo).port}/`;
    expect(await ran("curl", ["-sS", "--netrc-file", join(installed.folder, "netrc"), url])).toMatchObject({
      code: 0,
      out: "ok",
    });
    expect(Buffer.from(seen.split(" ")[1] ?? "", "base64").toString()).toBe('ada:a "quoted\\ p');
    await new Promise((resolve) => api.close(resolve));
  });

  test("kubectl and the AWS tools get what they read", async () => {
    const { id, accessToken } = await world.addSecret({ kind: "grace", expiresIn: 3600 });
    const kube = JSON.parse((await latchkey(["kube-credential", id])).out);
    expect(kube).toMatchObject({
      apiVersion: "client.authentication.k8s.io/v1",
      kind: "ExecCredential",
      status: { token: accessToken },
    });
    expect(Date.parse(kube.status.expirationTimestamp)).toBeGreaterThan(Date.now());
    const beta = {
      ...installed.env,
      KUBERNETES_EXEC_INFO: '{"apiVersion":"client.authentication.k8s.io/v1beta1","kind":"ExecCredential"}',
    };
    expect(JSON.parse((await latchkey(["kube-credential", id], { vars: beta })).out).apiVersion).toMatch(/v1beta1$/);
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
