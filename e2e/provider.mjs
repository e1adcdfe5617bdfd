// A real OpenID provider (oidc-provider) in a process of its own, for the browser tests: short access tokens, rotating
// refresh tokens, PKCE demanded, clients registered by RFC 7591, two buttons instead of a login.
//
//   node e2e/provider.mjs <port>     prints "ready" once it listens on http://localhost:<port>
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import process from "node:process";

/** The scheduler renews at half the lifetime here, so the story sees two renewals in about this time. */
const ACCESS_TOKEN_S = 10;
const PERSON = { sub: "person-at-provider", name: "Person at the Provider" };

const port = Number(process.argv[2]);
const issuer = `http://localhost:${port}`;
console.info = () => {};
console.warn = () => {};
const { default: Provider } = await import("oidc-provider");
const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const oidc = new Provider(issuer, {
  jwks: { keys: [{ ...privateKey.export({ format: "jwk" }), use: "sig", alg: "RS256", kid: "test" }] },
  cookies: { keys: [randomBytes(24).toString("base64url")] },
  scopes: ["openid", "offline_access", "profile", "email"],
  claims: { openid: ["sub"], profile: ["name"] },
  pkce: { required: () => true },
  rotateRefreshToken: true,
  ttl: {
    AccessToken: ACCESS_TOKEN_S,
    AuthorizationCode: 60,
    IdToken: 600,
    Interaction: 600,
    Session: 86_400,
    Grant: 86_400,
    RefreshToken: 86_400,
  },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    revocation: { enabled: true },
    registration: { enabled: true, initialAccessToken: false },
  },
  interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (_context, id) => ({ accountId: id, claims: () => ({ ...PERSON, sub: id }) }),
});
/** Answered refreshes, so that a test can compare with what it saw. */
let refreshes = 0;
oidc.on("grant.success", (context) => {
  if (context.oidc.params?.grant_type === "refresh_token") refreshes++;
});
const answer = oidc.callback();

createServer((request, response) => {
  const path = (request.url ?? "").split("?", 1)[0];
  if (path === "/test/refreshes") return response.end(String(refreshes));
  if (!path.startsWith("/interaction/")) return answer(request, response);
  interact(path, request, response).catch((error) => {
    response.writeHead(400, { "Content-Type": "text/plain" }).end(String(error));
  });
}).listen(port, "localhost", () => process.stdout.write("ready\n"));
process.on("disconnect", () => process.exit(0));

async function interact(path, request, response) {
  const { params, uid } = await oidc.interactionDetails(request, response);
  if (request.method === "POST" && path.endsWith("/allow")) {
    const grant = new oidc.Grant({ accountId: PERSON.sub, clientId: params.client_id });
    grant.addOIDCScope(String(params.scope ?? ""));
    const consent = { grantId: await grant.save() };
    return oidc.interactionFinished(request, response, { login: { accountId: PERSON.sub }, consent });
  }
  if (request.method === "POST")
    return oidc.interactionFinished(request, response, {
      error: "access_denied",
      error_description: "The person said no.",
    });
  response.writeHead(200, { "Content-Type": "text/html; charset=utf-8" });
  response.end(`<!doctype html><html lang="en"><title>Provider</title><h1>Allow access?</h1>
<form method="post" action="/interaction/${uid}/allow"><button>Allow</button></form>
<form method="post" action="/interaction/${uid}/deny"><button>Deny</button></form></html>`);
}
