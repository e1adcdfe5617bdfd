import { BlockList, isIP } from "node:net";
import { settings } from "@/lib/config";
import { once } from "@/lib/process";

/** Set by lib/http/node-entry to the address of the connected socket; a client cannot send it (it is overwritten). */
export const PEER_HEADER = "x-latchkey-peer";

function trusted(): BlockList {
  return once("trusted-proxies", () => {
    const list = new BlockList();
    for (const entry of settings().trustedProxies) {
      const [address = "", bits] = entry.split("/");
      const family = isIP(address) === 6 ? "ipv6" : "ipv4";
      if (isIP(address) === 0) continue;
      if (bits === undefined) list.addAddress(address, family);
      else list.addSubnet(address, Number(bits), family);
    }
    return list;
  });
}

const plain = (address: string) => address.trim().replace(/^::ffff:(?=\d+\.)/i, "");

/**
 * Where the request came from: the connected peer, or, when that is a proxy named in LATCHKEY_TRUSTED_PROXIES, the last
 * address of X-Forwarded-For that is not such a proxy. Never used to build a URL (SES-7).
 */
export function clientAddress(request: Request): string | null {
  const peer = plain(request.headers.get(PEER_HEADER) ?? "");
  if (!isIP(peer)) return null;
  if (settings().trustedProxies.length === 0) return peer;
  const list = trusted();
  const isTrusted = (address: string) => list.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
  if (!isTrusted(peer)) return peer;
  const forwarded = (request.headers.get("x-forwarded-for") ?? "").split(",").map(plain).reverse();
  for (const address of forwarded) {
    if (!isIP(address)) return peer;
    if (!isTrusted(address)) return address;
  }
  return peer;
}
