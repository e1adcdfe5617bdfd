import { POST } from "@/app/v2/workspaces/[workspaceId]/secrets/route";
import type { Place } from "./callers";
import { type Answer, call } from "./http";

type Auth = Record<string, string>;

/** Asks for a secret with these attributes, of an auth client when one is named. */
export function postSecret(
  place: Pick<Place, "workspaceId">,
  as: Auth,
  attributes: Record<string, unknown>,
  clientId?: string,
): Promise<Answer> {
  const relationships = { auth_client: { data: { id: clientId, type: "auth-client" } } };
  return call(POST, {
    method: "POST",
    url: `/v2/workspaces/${place.workspaceId}/secrets`,
    params: { workspaceId: place.workspaceId },
    as,
    json: { data: { type: "auth-secret", attributes, ...(clientId === undefined ? {} : { relationships }) } },
  });
}

/** The id of a secret that must have come to be. */
export function madeId(answer: Answer): string {
  if (answer.status !== 201) throw new Error(`${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body.data.id;
}
