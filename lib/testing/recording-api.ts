import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach } from "vitest";

/** What an API was asked, its body read whole. */
export interface Asked {
  method: string;
  url: string;
  headers: IncomingMessage["headers"];
  body: Buffer;
}

/** Somebody's API on this machine: it remembers what it is asked, and answers "hello" unless a test says otherwise. */
export interface RecordingApi {
  /** `127.0.0.1:PORT` */
  host: string;
  /** All that was asked since the test began. */
  seen: Asked[];
  /** Opened since the test began. */
  connections: number;
  respond(request: Asked, response: ServerResponse): void;
}

/** Call it at the top of a test file. */
export function useRecordingApi(): RecordingApi {
  const api: RecordingApi = { host: "", seen: [], connections: 0, respond: () => undefined };
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { method = "", url = "", headers } = request;
    const asked = { method, url, headers, body: Buffer.concat(chunks) };
    api.seen.push(asked);
    api.respond(asked, response);
  });
  server.on("connection", () => {
    api.connections += 1;
  });
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    api.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  beforeEach(() => {
    api.seen = [];
    api.connections = 0;
    api.respond = (_request, response) => void response.end("hello");
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  return api;
}
