import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { allowedBy, readDockerfile } from "./lib/dockerfile.mjs";
import { nginxConfiguration } from "./lib/nginx.mjs";

/** Dockerfile, compose.yaml, nginx.conf and .dockerignore say the same; `node scripts/image.mjs` tries what they make. */
const ROOT = fileURLToPath(new URL("..", import.meta.url));
const text = (path: string) => readFile(join(ROOT, path), "utf8");

test("the image: pinned bases, a user that is not root, no shell to start with, no embedded database", async () => {
  const stages = readDockerfile(await text("Dockerfile"));
  expect(stages.map(({ name }) => name)).toEqual(["build", "runtime", "final"]);
  for (const { base } of stages)
    expect(base).toMatch(/^(node:\d+\.\d+\.\d+-bookworm-slim|gcr\.io\/distroless\/cc-debian12:nonroot)$/);
  const final = stages.at(-1);
  expect(final?.user).toMatch(/^[1-9]\d*:[1-9]\d*$/);
  expect(final?.steps.some(({ word }) => word === "RUN")).toBe(false);
  expect(final?.command).toEqual(["/usr/local/bin/node", "dist/server.mjs"]);
  for (const { steps } of stages)
    for (const { word, text: step } of steps)
      if (word === "RUN" && step.includes("npm"))
        expect(step).toMatch(/^npm ci --(include|omit)=dev --ignore-scripts$/);
});

test("the build context: what is built and nothing else, no data, no key, no history, no test", async () => {
  const allowed = allowedBy(await text(".dockerignore"));
  const tracked = execFileSync("git", ["ls-files"], { cwd: ROOT, encoding: "utf8" }).trim().split("\n");
  const passing = tracked.filter(allowed);
  for (const path of ["server.ts", "package-lock.json", ".npmrc", "app/readyz/route.ts", "drizzle/security.sql"])
    expect(passing).toContain(path);
  expect(passing.filter((path) => /\.test\.tsx?$|^lib\/testing\/|^e2e\/|\.md$|^\.ci\//.test(path))).toEqual([]);
  for (const path of [
    ".env",
    "secrets/master-key",
    ".latchkey/master.key",
    ".git/config",
    "node_modules/next/package.json",
    ".next/BUILD_ID",
  ])
    expect(allowed(path), path).toBe(false);
});

test("compose.yaml and nginx.conf name the same addresses, and leave the processes their 30 s", async () => {
  const [compose, nginx, dockerfile] = await Promise.all([
    text("compose.yaml"),
    text("scripts/lib/nginx.conf"),
    text("Dockerfile"),
  ]);
  const upstreams = [...nginx.matchAll(/^ {4}server ([\d.]+):3000 /gm)].map((match) => match[1]);
  expect(upstreams).toHaveLength(2);
  for (const [n, address] of upstreams.entries())
    expect(compose).toMatch(new RegExp(`  web-${n + 1}:[^]*?ipv4_address: ${address} `));
  const proxy = /LATCHKEY_TRUSTED_PROXIES: ([\d.]+)/.exec(compose)?.[1];
  expect(compose).toMatch(new RegExp(`  proxy:[^]*?ipv4_address: ${proxy} `));
  expect(compose).toContain(`user: "${readDockerfile(dockerfile).at(-1)?.user}"`);
  for (const [, seconds] of compose.matchAll(/stop_grace_period: (\d+)s/g)) expect(Number(seconds)).toBeGreaterThan(30);
  for (const [, image] of compose.matchAll(/image: (\S+)/g)) expect(image).toMatch(/:\d+\.\d+/);
  expect(compose).not.toMatch(/privileged: true|docker\.sock/);
  // A request that may have been carried out is never sent twice.
  expect(nginx).not.toMatch(/^\s*proxy_next_upstream .*non_idempotent/m);
  const ours = await nginxConfiguration(ROOT, { folder: "/tmp/x", port: 8123, upstreams: [1234, 1235] });
  expect(ours).toContain("server 127.0.0.1:1234 max_fails=1 fail_timeout=1s;\n    server 127.0.0.1:1235 ");
  expect(ours).not.toMatch(/172\.30|8080/);
});
