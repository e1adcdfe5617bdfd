/** Configurations of proxies that ask Latchkey about every request, ready to copy; README shows the same. */
export interface ProxyLines {
  nginx: string;
  traefik: string;
  caddy: string;
}

const IDENTITY = ["Subject", "Secret", "Scopes"] as const;
const HEADERS = IDENTITY.map((name) => `X-Latchkey-${name}`);

/** Where the program behind the proxy listens; to be replaced by whoever copies. */
export const YOUR_PROGRAM = "http://127.0.0.1:8080";

/** @param checkUrl of the endpoint, such as `https://latchkey.example.com/inbound/…/check` */
export function proxyLinesOf(checkUrl: string): ProxyLines {
  return { nginx: nginx(checkUrl), traefik: traefik(checkUrl), caddy: caddy(checkUrl) };
}

/** Of a `location` whose `proxy_pass` goes to Latchkey: without them nginx would believe anybody who answers in its place. */
export function tlsLines(url: string): string {
  return url.startsWith("https:")
    ? `
  proxy_ssl_server_name on;
  proxy_ssl_verify on;
  proxy_ssl_verify_depth 3;
  proxy_ssl_trusted_certificate /etc/ssl/certs/ca-certificates.crt;`
    : "";
}

/** For a `server` block. */
function nginx(checkUrl: string): string {
  const variable = (name: string) => `latchkey_${name.toLowerCase()}`;
  return `location / {
  auth_request /_latchkey;
${IDENTITY.map((name) => `  auth_request_set $${variable(name)} $upstream_http_x_${variable(name)};`).join("\n")}
${IDENTITY.map((name) => `  proxy_set_header X-Latchkey-${name} $${variable(name)};`).join("\n")}
  proxy_pass ${YOUR_PROGRAM};
}

location = /_latchkey {
  internal;
  proxy_pass ${checkUrl};
  proxy_pass_request_body off;
  proxy_set_header Content-Length "";
  proxy_set_header Cookie "";
  proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;${tlsLines(checkUrl)}
}`;
}

function traefik(checkUrl: string): string {
  return `http:
  middlewares:
    latchkey:
      forwardAuth:
        address: ${checkUrl}
        authResponseHeaders:
${HEADERS.map((name) => `          - ${name}`).join("\n")}
  routers:
    your-program:
      rule: Host(\`app.example.com\`)
      middlewares:
        - latchkey
      service: your-program
  services:
    your-program:
      loadBalancer:
        servers:
          - url: ${YOUR_PROGRAM}`;
}

/** What the caller itself sends under these names is taken away first, with _ for - too, which some programs take for the same; and what it names in Connection is not taken away on the way to the program. The question mark leaves out the query of the request, which is none of Latchkey's business. */
function caddy(checkUrl: string): string {
  const { origin, pathname } = new URL(checkUrl);
  return `app.example.com {
  route {
    request_header -*Latchkey*
    request_header Connection (?i)latchkey none
    forward_auth ${origin} {
      uri ${pathname}?
      header_up Host {upstream_hostport}
      copy_headers ${HEADERS.join(" ")}
    }
    reverse_proxy ${YOUR_PROGRAM.replace("http://", "")}
  }
}`;
}
