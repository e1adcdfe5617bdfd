import { POST as RUN_SQL } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/sql/route";
import { POST as TEST } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/test/route";
import type { Place } from "./callers";
import { type Answer, call } from "./http";

type Auth = Record<string, string>;

/** Has the database of a secret run a statement. */
export function postSql(
  place: Pick<Place, "workspaceId">,
  as: Auth,
  secretId: string,
  json: Record<string, unknown>,
): Promise<Answer> {
  return call(RUN_SQL, { method: "POST", as, params: { workspaceId: place.workspaceId, secretId }, json });
}

/** Has a secret tried at its destination. */
export function postTest(place: Pick<Place, "workspaceId">, as: Auth, secretId: string): Promise<Answer> {
  return call(TEST, { method: "POST", as, params: { workspaceId: place.workspaceId, secretId } });
}

/** Of each statement or try that failed. */
export const reasonOf = (answer: Answer) => [answer.status, answer.body.errors?.[0]?.meta?.reason];
