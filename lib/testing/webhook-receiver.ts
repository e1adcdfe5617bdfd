import { createServer, type IncomingHttpHeaders, type RequestListener, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach } from "vitest";
import type { Certificate } from "./certificates";

/** A message as it arrived. */
export interface Arrived {
  /** As `standardwebhooks` verifies them. */
  headers: Record<string, string>;
  all: IncomingHttpHeaders;
  path: string;
  body: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came
  json: any;
}

export interface Receiver {
  /** http://127.0.0.1:port, or https */
  url: string;
  /** 127.0.0.1:port */
  host: string;
  /** Forgotten before each test. */
  arrived: Arrived[];
  /** Answers 204 unless a test says otherwise; back to that before each test. */
  respond(message: Arrived, response: ServerResponse): void;
}

/** A real receiver on this machine. Call it at the top of a test file. @param certificate makes it one over TLS */
export function useReceiver(certificate?: Certificate): Receiver {
  const receiver = { arrived: [] as Arrived[] } as Receiver;
  const usual: Receiver["respond"] = (_message, response) => void response.writeHead(204).end();
  const take: RequestListener = async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString("utf8");
    const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
    const message = { headers, all: request.headers, path: request.url ?? "", body, json: JSON.parse(body) };
    receiver.arrived.push(message);
    receiver.respond(message, response);
  };
  const server = certificate ? createTlsServer(certificate, take) : createServer(take);
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    receiver.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    receiver.url = `${certificate ? "https" : "http"}://${receiver.host}`;
  });
  beforeEach(() => {
    receiver.arrived.length = 0;
    receiver.respond = usual;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  return receiver;
}
