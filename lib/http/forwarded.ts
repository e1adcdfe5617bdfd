import type { IncomingMessage } from "node:http";
import { PEER_HEADER } from "./client-address";

/**
 * Replaces what a request claims about its way here by what is known, before anything reads it: the connected peer, and the
 * configured origin for whatever builds a URL (SES-7). `X-Forwarded-For` stays; who may be believed is `clientAddress`'s to say.
 *
 * @param origin of LATCHKEY_URL
 */
export function overwriteForwarded(request: Pick<IncomingMessage, "headers" | "socket">, origin: URL): void {
  request.headers[PEER_HEADER] = request.socket.remoteAddress ?? "";
  request.headers.host = origin.host;
  request.headers["x-forwarded-host"] = origin.host;
  request.headers["x-forwarded-proto"] = origin.protocol.slice(0, -1);
}
