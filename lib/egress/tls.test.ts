import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, get, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Egress, exchange } from "@/lib/egress/safe-fetch";
import { standStill } from "@/lib/testing/stand-still";

/** A certificate is made for the run; where there is no openssl these tests cannot run. */
function makeCertificate(): { key: string; cert: string } | null {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-tls-"));
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  try {
    const names = "subjectAltName=DNS:idp.test,IP:127.0.0.1";
    const subject = ["-subj", "/CN=idp.test", "-addext", names, "-days", "2", "-nodes"];
    execFileSync("openssl", ["req", "-x509", "-newkey", "rsa:2048", "-keyout", key, "-out", cert, ...subject], {
      stdio: "ignore",
    });
    return { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") };
  } catch {
    return null;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const made = makeCertificate();

describe.skipIf(!made)("TLS", () => {
  let server: Server;
  let port = 0;
  let requests = 0;
  const seen: { servername: unknown; host: string | undefined; reused: boolean }[] = [];
  const resolve = async () => ["127.0.0.1"];
  const allow = ["localhost"];

  beforeAll(async () => {
    server = createServer({ ...made }, (request, response) => {
      requests += 1;
      const socket = request.socket as TLSSocket & { servername?: unknown };
      seen.push({ servername: socket.servername, host: request.headers.host, reused: socket.isSessionReused() });
      response.end("ok");
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    port = (server.address() as AddressInfo).port;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  const kindOf = async (url: string, egress: Egress) => {
    try {
      return (await exchange(url, {}, { egress })).body.toString();
    } catch (error) {
      return (error as { kind: string }).kind;
    } finally {
      await egress.close();
    }
  };

  test("name and Host reach the server although the address was pinned; a session is used again", async () => {
    const egress = new Egress({ allow, resolve, ca: made?.cert });
    for (let i = 0; i < 3; i += 1) {
      expect((await exchange(`https://idp.test:${port}/`, {}, { egress })).body.toString()).toBe("ok");
      server.closeAllConnections();
      await new Promise((done) => setTimeout(done, 30));
    }
    await egress.close();
    expect(seen[0]).toEqual({ servername: "idp.test", host: `idp.test:${port}`, reused: false });
    expect(seen.at(-1)?.reused).toBe(true);
  });

  test("an address with a certificate for it", async () => {
    expect(await kindOf(`https://127.0.0.1:${port}/`, new Egress({ allow, ca: made?.cert }))).toBe("ok");
  });

  test("a process that stands still during TLS does not blame the server", async () => {
    standStill("connected", 1_200);
    const hasty = new Egress({ allow, ca: made?.cert, tlsTimeoutMs: 1_000 });
    expect(await kindOf(`https://127.0.0.1:${port}/`, hasty)).toBe("ok");
  });

  test("a wrong name, an unknown issuer, also with NODE_TLS_REJECT_UNAUTHORIZED=0: nothing is sent", async () => {
    const before = requests;
    const setting = process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0";
    try {
      expect(await kindOf(`https://other.test:${port}/`, new Egress({ allow, resolve, ca: made?.cert }))).toBe(
        "not_sent",
      );
      expect(await kindOf(`https://idp.test:${port}/`, new Egress({ allow, resolve }))).toBe("not_sent");
    } finally {
      if (setting === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
      else process.env.NODE_TLS_REJECT_UNAUTHORIZED = setting;
    }
    expect(requests).toBe(before);
  });

  test("a server of TLS 1.1 at most: nothing is sent, though others reach it", async () => {
    const ancient = { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" } as const;
    let heard = 0;
    const old = createServer({ ...made, ...ancient }, (_request, response) => {
      heard += 1;
      response.end("ok");
    });
    await new Promise<void>((done) => old.listen(0, "127.0.0.1", done));
    try {
      const url = `https://127.0.0.1:${(old.address() as AddressInfo).port}/`;
      const status = await new Promise((done, reject) => {
        get(url, { ...ancient, ca: made?.cert }, (response) => done(response.resume().statusCode)).on("error", reject);
      });
      expect([status, heard]).toEqual([200, 1]);
      expect(await kindOf(url, new Egress({ allow, ca: made?.cert }))).toBe("not_sent");
      expect(heard).toBe(1);
    } finally {
      old.closeAllConnections();
      old.close();
    }
  });
});
