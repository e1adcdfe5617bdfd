import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { Certificate } from "./certificates";

/** Database servers of tests that no real one is: hostile, silent, or in front of a real one. */
export interface SqlServerDouble {
  port: number;
  /** Connections taken so far. */
  connections(): number;
  close(): Promise<void>;
}

/** Takes connections and gives each to `each`. */
export async function listen(each: (socket: Socket) => void): Promise<SqlServerDouble> {
  const open = new Set<Socket>();
  let count = 0;
  const server: Server = createServer((socket) => {
    count += 1;
    open.add(socket);
    socket.on("close", () => open.delete(socket));
    socket.on("error", () => socket.destroy());
    each(socket);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => count,
    close: async () => {
      for (const socket of open) socket.destroy();
      await new Promise((done) => server.close(done));
    },
  };
}

/** A PostgreSQL that speaks TLS, in front of one that does not. */
export function postgresqlOverTls(certificate: Certificate, port: number): Promise<SqlServerDouble> {
  return listen((socket) => {
    socket.once("data", () => {
      socket.pause();
      socket.write("S");
      const secure = new TLSSocket(socket, { isServer: true, ...certificate });
      const behind = connect(port, "127.0.0.1");
      for (const one of [secure, behind]) one.on("error", () => socket.destroy());
      secure.on("close", () => behind.destroy());
      secure.pipe(behind).pipe(secure);
    });
  });
}

/** One message of PostgreSQL's protocol. */
export function message(type: string, body: Buffer | string = ""): Buffer {
  const content = Buffer.from(body);
  const head = Buffer.alloc(5);
  head.write(type, 0, "latin1");
  head.writeInt32BE(content.length + 4, 1);
  return Buffer.concat([head, content]);
}

/** "You are in", "ready". */
export const WELCOME = Buffer.concat([
  message("R", Buffer.from([0, 0, 0, 0])),
  message("K", Buffer.from([0, 0, 0, 7, 0, 0, 0, 9])),
  message("Z", "I"),
]);
