import { endpoint } from "@/lib/http/endpoint";
import { methods } from "@/lib/http/methods";
import { publishedJwks } from "@/lib/secrets/jwks";

/** A rotation is seen everywhere within this time; until then the old key, still published, verifies what it signed. */
const CACHE = "public, max-age=300";

export const { GET, POST, PATCH, PUT, DELETE } = methods({
  GET: endpoint({
    route: "GET /.well-known/jwks/{file}",
    access: { permission: "public", level: "none", ids: ["path.file"] },
    handle: async ({ params }) => ({
      status: 200,
      response: Response.json(await publishedJwks(params.file ?? ""), {
        headers: {
          "content-type": "application/jwk-set+json",
          "cache-control": CACHE,
          "access-control-allow-origin": "*",
          "x-content-type-options": "nosniff",
        },
      }),
    }),
  }),
});
