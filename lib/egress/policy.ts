import { networkInterfaces } from "node:os";
import { type Address, isBlocked, isMetadata, isMetadataName, parseAddress, sameAddress } from "@/lib/egress/addresses";
import { type AllowEntry, isListed, parseAllowList } from "@/lib/egress/allow-list";

/**
 * Where requests may go (SECURITY SS-2 to SS-6): https on usual ports to public addresses, and what the operator lists. Decides; opens
 * nothing. Every method answers with a complaint for the operator's eyes, or null for "go".
 */

/** A place to connect to, after URL parsing. `sql:` is a database over TLS, `sql-plain:` one without. */
export interface Destination {
  protocol: "http:" | "https:" | "sql:" | "sql-plain:";
  /** Lower case, no brackets, no final dot. */
  host: string;
  port: number;
}

export interface PolicyOptions {
  /** Entries of `LATCHKEY_EGRESS_ALLOW`. */
  allow?: readonly string[];
  /** Ports open to everybody. */
  ports?: readonly number[];
  /** This machine's addresses, which are blocked although some may be public. */
  ownAddresses?: () => readonly string[];
}

const PORTS = [443, 80, 8443];
const FIRST_FREE_PORT = 1024;
const OWN_FOR_MS = 10_000;

export class EgressPolicy {
  readonly #list: readonly AllowEntry[];
  readonly #ports: ReadonlySet<number>;
  readonly #readOwn: () => readonly string[];
  #own: readonly Address[] = [];
  #ownReadAtMs = Number.NEGATIVE_INFINITY;

  /** Throws `AllowListError` for an entry that cannot be read. */
  constructor(options: PolicyOptions = {}) {
    this.#list = parseAllowList(options.allow ?? []);
    this.#ports = new Set(options.ports ?? PORTS);
    this.#readOwn = options.ownAddresses ?? interfaceAddresses;
  }

  /** What can be said of a URL without asking for names: scheme, user, metadata names, literal addresses. */
  complaintAboutUrl(url: URL): string | null {
    const complaint = this.#complaintAboutForm(url);
    if (complaint) return complaint;
    const destination = destinationOf(url);
    const literal = parseAddress(destination.host);
    return literal && this.complaintAboutAddresses(destination, [literal]);
  }

  /** As `complaintAboutUrl`, but leaves plain http and ports to be judged when the URL is used. */
  complaintAboutLiteral(url: URL): string | null {
    return this.#complaintAboutForm(url) ?? this.#complaintAboutLiteralHost(destinationOf(url));
  }

  /** What must hold for every address a name resolved to: if one is bad, the name is not used at all. */
  complaintAboutAddresses(destination: Destination, addresses: readonly Address[]): string | null {
    if (isMetadataName(destination.host)) return `${destination.host} is a metadata service`;
    if (addresses.length === 0) return `${destination.host} has no address`;
    for (const address of addresses) {
      const complaint = this.#complaintAboutAddress(destination, address);
      if (complaint) return complaint;
      if (isListed(this.#list, destination.host, address, destination.port)) continue;
      if (destination.protocol === "http:" || destination.protocol === "sql-plain:")
        return `${destination.protocol === "http:" ? "plain http" : "a connection without TLS"} to ${destination.host} is not in LATCHKEY_EGRESS_ALLOW`;
      if (!this.#mayUsePort(destination)) return `port ${destination.port} is not allowed`;
    }
    return null;
  }

  /** Databases are offered on many ports, but on none of those that are kept for a system's own services. */
  #mayUsePort({ protocol, port }: Destination): boolean {
    return protocol === "sql:" ? port >= FIRST_FREE_PORT : this.#ports.has(port);
  }

  #complaintAboutForm(url: URL): string | null {
    if (url.protocol !== "https:" && url.protocol !== "http:") return `the scheme ${url.protocol} is not allowed`;
    if (url.username !== "" || url.password !== "") return "a user or password in the URL is not allowed";
    const { host } = destinationOf(url);
    if (host === "") return "the host is missing";
    return isMetadataName(host) ? `${host} is a metadata service` : null;
  }

  #complaintAboutLiteralHost(destination: Destination): string | null {
    const literal = parseAddress(destination.host);
    return literal && this.#complaintAboutAddress(destination, literal);
  }

  #complaintAboutAddress(destination: Destination, address: Address): string | null {
    if (isMetadata(address)) return `${destination.host} leads to a metadata service`;
    if (isListed(this.#list, destination.host, address, destination.port)) return null;
    if (isBlocked(address)) return `${destination.host} leads to a private or reserved address`;
    return this.#isOwn(address) ? `${destination.host} leads to this machine` : null;
  }

  #isOwn(address: Address): boolean {
    const now = performance.now();
    if (now - this.#ownReadAtMs > OWN_FOR_MS) {
      this.#own = this.#readOwn()
        .map(parseAddress)
        .filter((own) => own !== null);
      this.#ownReadAtMs = now;
    }
    return this.#own.some((own) => sameAddress(own, address));
  }
}

/** Host and port of an http(s) URL in the form the policy compares. */
export function destinationOf(url: URL): Destination {
  const protocol = url.protocol as Destination["protocol"];
  return {
    protocol,
    host: plainHost(url.hostname),
    port: url.port === "" ? (protocol === "https:" ? 443 : 80) : Number(url.port),
  };
}

/** Lower case, without the brackets of IPv6 and without a final dot. */
export function plainHost(hostname: string): string {
  const bare = hostname.startsWith("[") ? hostname.slice(1, -1) : hostname;
  return bare.toLowerCase().replace(/\.$/, "");
}

function interfaceAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address));
}
