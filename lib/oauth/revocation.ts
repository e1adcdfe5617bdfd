import * as oauth from "oauth4webapi";
import type { OAuthClient } from "@/lib/auth-clients/client";
import type { Sensitive } from "@/lib/crypto/sensitive";
import { EgressError } from "@/lib/egress/egress-error";
import { rooms } from "@/lib/egress/rooms";
import { customFetch } from "@/lib/egress/safe-fetch";
import { authMethods, clientAuth } from "./client-auth";
import { serverFor } from "./server-for";

/** The person waits for this one; a token that cannot be revoked in this time is forgotten all the same. */
const REVOKE_MS = 5000;

/**
 * Revokes a token at the provider (RFC 7009): the refresh token where there is one, which ends its access tokens too.
 *
 * @param tenantId whose token it is
 * @returns revoked, unsupported (no revocation endpoint known) or failed; never throws for the provider's fault
 */
export async function revoke(
  client: OAuthClient,
  token: { value: Sensitive<string>; hint: "refresh_token" | "access_token" },
  tenantId: string,
): Promise<"revoked" | "unsupported" | "failed"> {
  // Who is no client cannot say whose token it is (RFC 7009 section 2.1).
  if (!client.options.revocation_uri || client.options.client_id === "") return "unsupported";
  const { server, client: party } = serverFor(client);
  const leave = rooms().enter(client.options.revocation_uri, tenantId);
  if (!leave) return "failed";
  try {
    const response = await oauth.revocationRequest(
      server,
      party,
      clientAuth(client, authMethods(client)[0]),
      token.value.reveal(),
      {
        additionalParameters: { token_type_hint: token.hint },
        signal: AbortSignal.timeout(REVOKE_MS),
        [oauth.allowInsecureRequests]: true,
        [oauth.customFetch]: customFetch() as NonNullable<oauth.RevocationRequestOptions[typeof oauth.customFetch]>,
      },
    );
    return response.ok ? "revoked" : "failed";
  } catch (error) {
    if (error instanceof EgressError || (error instanceof Error && error.name === "TimeoutError")) return "failed";
    throw error;
  } finally {
    leave();
  }
}
