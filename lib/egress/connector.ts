import { lookup } from "node:dns/promises";
import { connect as connectTcp, isIP, type LookupFunction, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import type { buildConnector } from "undici";
import { type Address, parseAddress, sameAddress } from "@/lib/egress/addresses";
import { EgressError } from "@/lib/egress/egress-error";
import { patience } from "@/lib/egress/patience";
import { type Destination, type EgressPolicy, plainHost } from "@/lib/egress/policy";

/**
 * Opens every outgoing connection (SECURITY SS-2): resolve all addresses of the name, ask the policy about all of them, connect to those
 * and no others, look at the connected peer again, and only then speak TLS or HTTP. So a name that changes its address between check
 * and use gains nothing, and each new connection of a pool is judged afresh.
 */

/** All addresses of a name, in the resolver's order. Rejects when there are none. */
export type Resolve = (host: string) => Promise<readonly string[]>;

export interface ConnectorOptions {
  policy: EgressPolicy;
  resolve?: Resolve;
  /** Extra trusted certificates, PEM. The system's own list stays in force through NODE_EXTRA_CA_CERTS. */
  ca?: string;
  connectTimeoutMs?: number;
  tlsTimeoutMs?: number;
}

const CONNECT_TIMEOUT_MS = 5000;
const TLS_TIMEOUT_MS = 5000;
/** How long one address may take before the next is tried, within the connect timeout. */
const NEXT_ADDRESS_AFTER_MS = 1000;
const TCP_KEEP_ALIVE_MS = 60_000;
const SESSIONS_KEPT = 200;

/** The system's resolver, both families, in its own order. */
export const systemResolve: Resolve = async (host) => {
  const found = await lookup(host, { all: true, order: "verbatim" });
  return found.map(({ address }) => address);
};

/** A connector for an undici `Agent`. Fails only with `EgressError` `blocked` or `not_sent`. */
export function makeConnector(options: ConnectorOptions): buildConnector.connector {
  const connectTimeoutMs = options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS;
  const tlsTimeoutMs = options.tlsTimeoutMs ?? TLS_TIMEOUT_MS;
  const resolve = sharedWhileRunning(options.resolve ?? systemResolve);
  const sessions = new Map<string, Buffer>();

  async function establish(destination: Destination): Promise<Socket | TLSSocket> {
    const deadline = performance.now() + connectTimeoutMs;
    const addresses = await within(
      connectTimeoutMs,
      destination,
      "its name was not resolved",
      checkedAddresses(destination, options.policy, resolve),
    );
    // The name may have taken long because this process stood still.
    const left = Math.max(connectTimeoutMs / 2, deadline - performance.now());
    const socket = await openPinned(destination, addresses, left);
    if (destination.protocol === "http:") return socket;
    return startTls(socket, destination);
  }

  function startTls(socket: Socket, destination: Destination): Promise<TLSSocket> {
    const name = nameOf(destination);
    return new Promise((done, fail) => {
      const session = sessions.get(name);
      const secure = connectTls({
        socket,
        host: destination.host,
        servername: isIP(destination.host) ? "" : destination.host,
        ALPNProtocols: ["http/1.1"],
        minVersion: "TLSv1.2",
        // Said here so that NODE_TLS_REJECT_UNAUTHORIZED=0 in somebody's environment changes nothing.
        rejectUnauthorized: true,
        ...(options.ca === undefined ? {} : { ca: options.ca }),
        ...(session === undefined ? {} : { session }),
      });
      let over = false;
      const giveUp = (why: string, cause?: unknown) => {
        if (over) return;
        over = true;
        stopWaiting();
        sessions.delete(name);
        secure.destroy();
        fail(new EgressError("not_sent", `${name}: ${why}`, { cause }));
      };
      const stopWaiting = patience(tlsTimeoutMs, () => giveUp("TLS took too long"));
      secure.on("session", (fresh) => {
        sessions.delete(name);
        sessions.set(name, fresh);
        const [oldest] = sessions.keys();
        if (sessions.size > SESSIONS_KEPT && oldest !== undefined) sessions.delete(oldest);
      });
      // Stays attached: an error between here and undici's own listener must not end the process.
      secure.on("error", (cause) => giveUp("TLS failed", cause));
      secure.once("close", () => giveUp("the connection was closed during TLS"));
      secure.once("secureConnect", () => {
        over = true;
        stopWaiting();
        done(secure);
      });
    });
  }

  return ({ hostname, protocol, port }, callback) => {
    const https = protocol === "https:";
    const destination: Destination = {
      protocol: https ? "https:" : "http:",
      host: plainHost(hostname),
      port: port ? Number(port) : https ? 443 : 80,
    };
    establish(destination).then(
      (socket) => callback(null, socket),
      (error: unknown) => callback(notSent(destination, error), null),
    );
  };
}

/** An address that the policy lets through for one destination. */
export interface CheckedAddress {
  text: string;
  bytes: Address;
}

/**
 * Every address of the destination's name, all of them allowed.
 *
 * @throws EgressError `blocked` when one is not, `not_sent` when the name has none; its cause is the resolver's error then
 */
export async function checkedAddresses(
  destination: Destination,
  policy: EgressPolicy,
  resolve: Resolve,
): Promise<CheckedAddress[]> {
  const texts = isIP(destination.host) ? [destination.host] : await resolved(destination, resolve);
  const addresses = texts.map((text) => ({ text, bytes: parseAddress(text) }));
  if (!addresses.every(isRead))
    throw new EgressError("blocked", `${nameOf(destination)}: the resolver gave something that is no address`);
  const complaint = policy.complaintAboutAddresses(
    destination,
    addresses.map(({ bytes }) => bytes),
  );
  if (complaint) throw new EgressError("blocked", `${nameOf(destination)}: ${complaint}`);
  return addresses;
}

async function resolved(destination: Destination, resolve: Resolve): Promise<readonly string[]> {
  try {
    return await resolve(destination.host);
  } catch (cause) {
    throw new EgressError("not_sent", `${nameOf(destination)}: its name was not resolved`, { cause });
  }
}

/**
 * A TCP connection to one of these addresses and to no other: the name is not asked for again, and the peer is looked at once more.
 *
 * @throws EgressError `not_sent`, its cause the system's error when there is one; `blocked` when the peer is another
 */
export async function openPinned(
  destination: Destination,
  addresses: readonly CheckedAddress[],
  timeoutMs: number,
): Promise<Socket> {
  const socket = await openTcp(destination, addresses, timeoutMs);
  const peer = socket.remoteAddress ? parseAddress(socket.remoteAddress) : null;
  if (peer && addresses.some((address) => sameAddress(address.bytes, peer))) return socket;
  socket.destroy();
  throw new EgressError("blocked", `${nameOf(destination)}: connected to another address than the checked ones`);
}

function isRead(address: { text: string; bytes: Address | null }): address is CheckedAddress {
  return address.bytes !== null;
}

/** Connects to the first of `addresses` that answers. The name is not asked for again: the lookup is pinned. */
function openTcp(destination: Destination, addresses: readonly CheckedAddress[], timeoutMs: number): Promise<Socket> {
  const name = nameOf(destination);
  const pinned: LookupFunction = (_host, wanted, callback) => {
    const found = addresses.map(({ text, bytes }) => ({
      address: text,
      family: bytes.length === 4 && !text.includes(":") ? 4 : 6,
    }));
    const [first] = found;
    if (wanted.all) callback(null, found);
    else callback(null, first?.address ?? "", first?.family);
  };
  return new Promise((done, fail) => {
    const socket = connectTcp({
      host: destination.host,
      port: destination.port,
      lookup: pinned,
      autoSelectFamily: true,
      autoSelectFamilyAttemptTimeout: NEXT_ADDRESS_AFTER_MS,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: TCP_KEEP_ALIVE_MS,
    });
    const giveUp = (why: string, cause?: unknown) => {
      // After connecting this only keeps an error between two owners of the socket from ending the process.
      stopWaiting();
      socket.destroy();
      fail(new EgressError("not_sent", `${name}: ${why}`, { cause }));
    };
    const stopWaiting = patience(timeoutMs, () => giveUp("connecting took too long"));
    socket.on("error", (cause) => giveUp("connecting failed", cause));
    socket.once("connect", () => {
      stopWaiting();
      done(socket);
    });
  });
}

/** Rejects after `timeoutMs`; what runs on is left to end by itself. */
function within<T>(timeoutMs: number, destination: Destination, why: string, work: Promise<T>): Promise<T> {
  return new Promise((done, fail) => {
    const stopWaiting = patience(timeoutMs, () =>
      fail(new EgressError("not_sent", `${nameOf(destination)}: ${why} in time`)),
    );
    work.then(done, fail).finally(stopWaiting);
  });
}

/** Many connections opened at once ask for a name once: getaddrinfo has only four threads, shared with scrypt and files. */
function sharedWhileRunning(resolve: Resolve): Resolve {
  const running = new Map<string, Promise<readonly string[]>>();
  return (host) => {
    const shared = running.get(host);
    if (shared) return shared;
    const started = resolve(host).finally(() => running.delete(host));
    running.set(host, started);
    return started;
  };
}

function notSent(destination: Destination, error: unknown): EgressError {
  return error instanceof EgressError
    ? error
    : new EgressError("not_sent", `${nameOf(destination)}: connecting failed`, { cause: error });
}

function nameOf({ protocol, host, port }: Destination): string {
  return `${protocol}//${host.includes(":") ? `[${host}]` : host}:${port}`;
}
