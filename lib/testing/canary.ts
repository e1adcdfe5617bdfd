import { createServer as createHttpServer, type Server as HttpServer } from "node:http";
import { type AddressInfo, createServer, type Server } from "node:net";
import { afterAll, beforeAll, beforeEach } from "vitest";

/** A place where no request may go, and one that may be asked and sends on to it (FAULTS C11). */
export interface Canary {
  /** Of the canary, on every address of this machine. */
  port: number;
  /** Connections to it: counted before any TLS, so with or without makes no difference. Forgotten before each test. */
  hits: number;
  /** host:port of the other one: `/redirect-307` leads to the canary. */
  allowed: string;
  /** Requests to that one. Forgotten before each test. */
  asked: number;
}

/** Call it at the top of a test file. */
export function useCanary(): Canary {
  const canary: Canary = { port: 0, hits: 0, allowed: "", asked: 0 };
  let trap: Server;
  let redirecting: HttpServer;
  beforeAll(async () => {
    trap = createServer((socket) => {
      canary.hits += 1;
      socket.on("error", () => socket.destroy());
      socket.destroy();
    });
    await new Promise<void>((done) => trap.listen(0, "::", done));
    canary.port = (trap.address() as AddressInfo).port;
    redirecting = createHttpServer((request, response) => {
      canary.asked += 1;
      const status = Number(/redirect-(\d+)/.exec(request.url ?? "")?.[1]);
      const location = `http://127.0.0.1:${canary.port}/token`;
      request.resume().on("end", () => response.writeHead(status, { location }).end());
    });
    await new Promise<void>((done) => redirecting.listen(0, "127.0.0.1", done));
    canary.allowed = `127.0.0.1:${(redirecting.address() as AddressInfo).port}`;
  });
  beforeEach(() => {
    canary.hits = 0;
    canary.asked = 0;
  });
  afterAll(() => {
    trap.close();
    redirecting.close();
  });
  return canary;
}
