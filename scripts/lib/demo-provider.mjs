import { generateKeyPairSync, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { refuse } from "./begin.mjs";

/** The one account of the demo's provider; whoever clicks Allow is this person. */
const ACCOUNT = { sub: "demo-person", name: "Demo Person", email: "person@provider.example" };
/** Short, so that a person can watch a renewal. */
const ACCESS_TOKEN_S = 90;

/**
 * A local OpenID provider on 127.0.0.1:`port`. The port is taken at once (so that a taken one stops the demo early); until
 * `open` names the client it answers 503, which Latchkey takes for "try again soon".
 *
 * @param {number} port
 * @returns {Promise<{issuer: string, open(client: {id: string, secret: string, redirectUri: string}): Promise<void>}>}
 */
export async function startDemoProvider(port) {
  const issuer = `http://localhost:${port}`;
  let handle = (_request, response) => {
    response.writeHead(503, { "Retry-After": "1" }).end();
  };
  const server = createServer((request, response) => handle(request, response));
  await new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  }).catch((error) => {
    if (error.code !== "EADDRINUSE") throw error;
    refuse(
      `Port ${port} is taken; the demo's provider needs it (PORT + 1). Set PORT to another, such as PORT=${port + 10}.`,
    );
  });
  server.unref();
  return {
    issuer,
    async open(client) {
      handle = await provider(issuer, client);
    },
  };
}

async function provider(issuer, client) {
  const Provider = await quietly(async () => (await import("oidc-provider")).default);
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const oidc = await quietly(
    async () =>
      new Provider(issuer, {
        clients: [
          {
            client_id: client.id,
            client_secret: client.secret,
            client_name: "Latchkey (demo)",
            redirect_uris: [client.redirectUri],
            grant_types: ["authorization_code", "refresh_token"],
            response_types: ["code"],
            token_endpoint_auth_method: "client_secret_basic",
          },
        ],
        jwks: { keys: [{ ...privateKey.export({ format: "jwk" }), use: "sig", alg: "RS256", kid: "demo" }] },
        cookies: { keys: [randomBytes(24).toString("base64url")] },
        scopes: ["openid", "offline_access", "profile", "email"],
        claims: { openid: ["sub"], profile: ["name"], email: ["email"] },
        pkce: { required: () => true },
        rotateRefreshToken: true,
        ttl: {
          AccessToken: ACCESS_TOKEN_S,
          AuthorizationCode: 60,
          IdToken: 600,
          Interaction: 600,
          Session: 86_400,
          Grant: 30 * 86_400,
          RefreshToken: 30 * 86_400,
        },
        features: { devInteractions: { enabled: false }, revocation: { enabled: true } },
        interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
        findAccount: (_context, id) => ({ accountId: id, claims: () => ({ ...ACCOUNT, sub: id }) }),
      }),
  );
  const answer = oidc.callback();
  return (request, response) => {
    const path = (request.url ?? "").split("?", 1)[0];
    if (!path.startsWith("/interaction/") && path !== "/") return answer(request, response);
    interact(oidc, path, request, response).catch(() => {
      page(response, 400, "This request is over", "<p>Go back to Latchkey and start again.</p>");
    });
  };
}

async function interact(oidc, path, request, response) {
  if (path === "/")
    return page(response, 200, "Demo provider", "<p>This is the identity provider of Latchkey's demo.</p>");
  const { params, uid } = await oidc.interactionDetails(request, response);
  const scopes = String(params.scope ?? "")
    .split(" ")
    .filter(Boolean);
  if (request.method === "POST" && path.endsWith("/allow")) {
    const grant = new oidc.Grant({ accountId: ACCOUNT.sub, clientId: params.client_id });
    grant.addOIDCScope(scopes.join(" "));
    const grantId = await grant.save();
    return oidc.interactionFinished(request, response, { login: { accountId: ACCOUNT.sub }, consent: { grantId } });
  }
  if (request.method === "POST")
    return oidc.interactionFinished(request, response, {
      error: "access_denied",
      error_description: "The person said no.",
    });
  page(
    response,
    200,
    "Allow Latchkey to use your account?",
    `<p>Signed in as <b>${ACCOUNT.name}</b>. Latchkey (demo) asks for:</p>
     <ul>${scopes.map((scope) => `<li>${escaped(scope)}</li>`).join("")}</ul>
     <form method="post" action="/interaction/${uid}/allow"><button class="yes" autofocus>Allow</button></form>
     <form method="post" action="/interaction/${uid}/deny"><button>Deny</button></form>`,
  );
}

function page(response, status, title, body) {
  response.writeHead(status, { "Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store" });
  response.end(`<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${title}</title><style>
:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;display:grid;place-items:center;min-height:90vh;margin:1rem}
main{max-width:24rem;width:100%;padding:2rem;border:1px solid #8884;border-radius:14px}h1{font-size:1.25rem;margin:0 0 1rem}
small{color:GrayText}form{display:inline-block;margin:1rem .5rem 0 0}button{font:inherit;padding:.5rem 1.25rem;border-radius:8px;border:1px solid #8886;background:none;cursor:pointer}
button.yes{background:#3949ab;border-color:#3949ab;color:#fff}</style>
<main><small>Demo provider</small><h1>${title}</h1>${body}</main></html>`);
}

const escaped = (text) => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

/** oidc-provider greets with notices about runtime and development; the demo's terminal has its own lines to show. */
async function quietly(work) {
  const kept = { info: console.info, warn: console.warn };
  console.info = () => {};
  console.warn = () => {};
  try {
    return await work();
  } finally {
    Object.assign(console, kept);
  }
}
