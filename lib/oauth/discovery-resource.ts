import { z } from "zod";
import type { Resource } from "@/lib/http/json-api";
import type { ProviderMetadata } from "@/lib/oauth/discovery";

/** `POST /v2/discovery`: plain JSON. */
export const discoveryBody = z.strictObject({
  issuer: z.string("must be text").trim().min(1, "must be the address of an issuer").max(2048),
});

/** What an issuer publishes; members it says nothing of are null. */
export function toResource(found: ProviderMetadata): Resource {
  return {
    id: null,
    type: "discovery",
    attributes: {
      issuer: found.issuer,
      auth_uri: found.authUri,
      token_uri: found.tokenUri,
      revocation_uri: found.revocationUri,
      token_endpoint_auth_methods: found.tokenEndpointAuthMethods,
      code_challenge_methods: found.codeChallengeMethods,
      scopes_supported: found.scopesSupported,
      iss_parameter: found.issParameter,
    },
  };
}
