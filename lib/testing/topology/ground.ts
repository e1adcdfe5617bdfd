import type { IdpKind } from "@/lib/testing/idp-grants";
import type { RemoteIdp } from "@/lib/testing/remote-idp";
import type { Topology } from "./topology";

/** What a topology's tests read: oauth2 secrets of one provider, made through the API. */
export interface Ground {
  workspaceId: string;
  secrets: { id: string; grantId: string }[];
}

/** @param lifeS lifetime of every access token, seconds */
export async function makeGround(
  topology: Topology,
  idp: RemoteIdp,
  { count, lifeS, kind = "strict" }: { count: number; lifeS: number; kind?: IdpKind },
): Promise<Ground> {
  const { data: workspaces } = await topology.api<{ data: { id: string }[] }>("GET", "/v2/workspaces");
  const workspaceId = workspaces[0]?.id as string;
  const { data: client } = await topology.api<{ data: { id: string } }>("POST", "/v2/auth-clients", {
    data: {
      type: "auth-client",
      attributes: {
        name: "Provider",
        type: "oauth2",
        credentials: {
          client_id: "client",
          client_secret: "client-secret-value",
          auth_uri: `${idp.url}/authorize`,
          token_uri: `${idp.url}/token`,
          refresh_token_uri: `${idp.url}/refresh`,
        },
      },
      relationships: { workspace: { data: { id: workspaceId, type: "workspace" } } },
    },
  });
  const secrets: Ground["secrets"] = [];
  for (let n = 0; n < count; n++) {
    const grant = await idp.create({ kind, expiresIn: lifeS });
    const { access_token, refresh_token, expires_in } = grant.tokens;
    const { data } = await topology.api<{ data: { id: string } }>("POST", `/v2/workspaces/${workspaceId}/secrets`, {
      data: {
        type: "auth-secret",
        attributes: { name: `Secret ${n}`, state: "ready", credentials: { access_token, refresh_token, expires_in } },
        relationships: { auth_client: { data: { id: client.id, type: "auth-client" } } },
      },
    });
    secrets.push({ id: data.id, grantId: grant.id });
  }
  return { workspaceId, secrets };
}

/**
 * What went wrong by the provider's own record: grants that ended, refresh tokens presented again or while an earlier
 * presentation was open, and secrets whose token from Latchkey the provider does not take. Empty when all is well.
 */
export async function verdict(topology: Topology, idp: RemoteIdp, ground: Ground): Promise<string[]> {
  const truth = new Map((await idp.truth()).map((grant) => [grant.id, grant]));
  const wrong: string[] = [];
  for (const { id, grantId } of ground.secrets) {
    const grant = truth.get(grantId);
    if (!grant) throw new Error(`The provider knows no grant ${grantId}`);
    if (grant.revoked !== "no") wrong.push(`${id}: the grant ended (${grant.revoked})`);
    const again = grant.presentations.filter(
      (p, n) => p.overlapping > 0 || grant.presentations.slice(0, n).some((q) => q.token === p.token && q.consumed),
    );
    if (again.length > 0 || grant.doubleRedemptions > 0) wrong.push(`${id}: presented again ${JSON.stringify(again)}`);
    const { data } = await topology.api<{ data: { attributes: { access_token: string } } }>(
      "GET",
      `/v2/workspaces/${ground.workspaceId}/secrets/${id}/token`,
    );
    const taken = await fetch(`${idp.url}/api`, {
      headers: { authorization: `Bearer ${data.attributes.access_token}` },
    });
    if (taken.status !== 200) wrong.push(`${id}: the provider refuses the token handed out`);
  }
  return wrong;
}

/** Refresh tokens that the provider has redeemed so far. */
export async function redemptions(idp: RemoteIdp): Promise<number> {
  const presentations = (await idp.truth()).flatMap((grant) => grant.presentations);
  return presentations.filter((p) => p.verdict === "accepted").length;
}

/** Resolves when so many requests are at the provider, unanswered. @param consumed count only those it has redeemed */
export async function untilAtProvider(idp: RemoteIdp, count: number, consumed = false): Promise<void> {
  while ((await atProvider(idp, consumed)) < count) await new Promise((resolve) => setTimeout(resolve, 25));
}

/** Requests at the provider, unanswered. */
export async function atProvider(idp: RemoteIdp, consumed = false): Promise<number> {
  const presentations = (await idp.truth()).flatMap((grant) => grant.presentations);
  return presentations.filter((p) => p.answered === null && (p.consumed || !consumed)).length;
}
