import { tlsLines } from "@/components/endpoints/proxy-lines";

/** Where nginx reads who asks, so that no configuration holds a key. */
export const KEY_FILE = "/etc/nginx/latchkey-key.conf";

/** Makes that file, for root alone; nginx cannot join and encode user and key by itself. */
export const KEY_FILE_COMMAND = `(umask 077; printf 'proxy_set_header Authorization "Basic %s";\\n' \\
  "$(printf %s "$LATCHKEY_USER:$LATCHKEY_KEY" | base64 | tr -d '\\n')" > ${KEY_FILE})`;

/**
 * nginx, in a `server` block: what asks it for `/api.example.com/…` uses the secret there. For programs of the same machine only, until whoever
 * copies says more. What a browser adds and `/outbound` refuses is left out.
 *
 * @param origin where Latchkey is
 * @param target an address that the secret may go to
 */
export function outboundLinesOf(origin: string, secretId: string, target: string): string {
  const { host, pathname } = new URL(target);
  const place = `/${host}${pathname.endsWith("/") ? pathname : `${pathname}/`}`;
  return `location ${place} {
  allow 127.0.0.1;
  deny all;
  include ${KEY_FILE};
  proxy_pass ${origin}/outbound/${secretId}${place};
  proxy_http_version 1.1;
  proxy_set_header Cookie "";
  proxy_set_header Range "";
  proxy_request_buffering off;
  proxy_buffering off;
  client_max_body_size 0;${tlsLines(origin)}
}`;
}
