import type { Caller } from "@/lib/access/caller";
import type { Resource } from "@/lib/http/json-api";
import { permitted } from "@/lib/secrets/permitted";
import type { UpdateBody } from "@/lib/secrets/resource";
import { findSecret } from "@/lib/secrets/service";
import { refuseImmutable } from "@/lib/secrets/update-secret";
import { storedLogin, testConnection } from "./sql";
import { nothingToTest, testChangedSecret } from "./test-unsaved";
import { testTokenRequest } from "./token-test";

const EDIT = "workspaces.auth_secret.edit";

/**
 * Tries a secret out once: the login of a database, or the request for a token.
 *
 * @param body of a PATCH: the secret as it would be after it; nothing is saved. Undefined: as it is
 * @throws AppError bad_request for a type with nothing to try; else as `testConnection` and `testTokenRequest`
 */
export async function testSecret(
  caller: Caller,
  workspaceId: string,
  id: string,
  body: UpdateBody | undefined,
  signal: AbortSignal,
): Promise<Resource> {
  const scope = await permitted(caller, EDIT, workspaceId, id);
  const row = await findSecret(caller, scope, id, EDIT);
  if (body) refuseImmutable(row, body.data);
  const credentials = body?.data.attributes?.credentials;
  if (credentials !== undefined) return testChangedSecret(caller, scope, row, credentials, signal);
  if (row.type === "oauth2") return testTokenRequest(caller, scope, row);
  if (row.type === "postgresql" || row.type === "mysql")
    return testConnection(caller, scope, await storedLogin(row), signal);
  throw nothingToTest(row.type);
}
