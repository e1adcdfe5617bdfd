import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

export interface PageSize {
  scripts: number;
  bytes: number;
  gzipBytes: number;
}

/** Asks like a browser that is signed in. */
export type Go = (target: string, init?: RequestInit) => Promise<Response>;

/** Signs in as the bootstrap person. */
export async function signIn(url: string, person: { email: string; password: string }): Promise<Go> {
  const jar = new Map<string, string>();
  const go: Go = async (target, init = {}) => {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
    const response = await fetch(`${url}${target}`, {
      ...init,
      redirect: "manual",
      headers: { ...init.headers, cookie },
    });
    for (const line of response.headers.getSetCookie()) {
      const pair = line.split(";", 1)[0] as string;
      jar.set(pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1));
    }
    return response;
  };
  const { csrfToken } = (await (await go("/api/auth/csrf")).json()) as { csrfToken: string };
  await go("/api/auth/callback/credentials", {
    method: "POST",
    headers: { origin: url },
    body: new URLSearchParams({ csrfToken, ...person, json: "true" }),
  });
  return go;
}

/** Adds up the scripts that the page's HTML names. */
export async function scriptsOfPage(go: Go, path: string, distDir: string): Promise<PageSize> {
  const page = await go(path);
  const html = await page.text();
  if (page.status !== 200) throw new Error(`${path} answered ${page.status}`);
  const names = new Set(
    [...html.matchAll(/(?:src|href)="\/(_next\/static\/[^"?]+\.js)/g)].map((match) => match[1] as string),
  );
  let bytes = 0;
  let gzipBytes = 0;
  for (const name of names) {
    const script = await readFile(join(distDir, name.slice("_next/".length)));
    bytes += script.length;
    gzipBytes += gzipSync(script).length;
  }
  return { scripts: names.size, bytes, gzipBytes };
}
