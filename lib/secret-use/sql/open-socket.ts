import type { Socket } from "node:net";
import { type CheckedAddress, openPinned } from "@/lib/egress/connector";
import { EgressError } from "@/lib/egress/egress-error";
import { startTls, type TlsTrust } from "@/lib/egress/tls-socket";
import type { DatabaseLogin } from "@/lib/secret-types/database-login";
import { connectFailure, SqlError, tlsFailure } from "./failure";

/** Where a new connection may go, asked of the policy for each (SECURITY SQ-7). @throws SqlError forbidden_address, host_unknown */
export type AskForAddresses = () => Promise<CheckedAddress[]>;

/** A TCP connection to the login's host, at an address the policy has just let through. @throws SqlError */
export async function openTcp(login: DatabaseLogin, ask: AskForAddresses, timeoutMs: number): Promise<Socket> {
  const addresses = await within(timeoutMs, ask());
  const protocol = login.tls === "disable" ? "sql-plain:" : "sql:";
  try {
    return await openPinned({ protocol, host: login.host, port: login.port }, addresses, timeoutMs);
  } catch (error) {
    if (error instanceof EgressError && error.kind === "blocked") throw new SqlError("forbidden_address");
    throw new SqlError(connectFailure(error), { cause: error });
  }
}

/** Resolvers take their time; what runs on is left to end by itself. */
function within<T>(timeoutMs: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new SqlError("host_unknown")), timeoutMs);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** What the certificate of this login's server has to be. */
export function trustOf(login: DatabaseLogin): TlsTrust {
  return { host: login.host, anyName: login.tls === "verify-ca", ...(login.ca === undefined ? {} : { ca: login.ca }) };
}

/** TLS over a connection whose server has said that it is ready for it. @throws SqlError */
export async function toTls(socket: Socket, login: DatabaseLogin, timeoutMs: number): Promise<Socket> {
  try {
    return await startTls(socket, trustOf(login), timeoutMs);
  } catch (error) {
    throw new SqlError(tlsFailure(error), { cause: error });
  }
}

/** Ends the connection when more than `most()` bytes have arrived; counts from the last `reset`. */
export function limitReceived(socket: Socket, most: number): { reset(): void; exceeded(): boolean } {
  let received = 0;
  socket.on("data", (chunk: Buffer) => {
    received += chunk.length;
    if (received > most) socket.destroy();
  });
  return {
    reset: () => {
      received = 0;
    },
    exceeded: () => received > most,
  };
}
