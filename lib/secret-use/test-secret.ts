import type { Caller } from "@/lib/access/caller";
import { AppError } from "@/lib/errors";
import type { Resource } from "@/lib/http/json-api";
import { permitted } from "@/lib/secrets/permitted";
import { findSecret } from "@/lib/secrets/service";
import { testConnection } from "./sql";
import { testTokenRequest } from "./token-test";

const EDIT = "workspaces.auth_secret.edit";

/**
 * Tries a secret out once: the login of a database, or the request for a token.
 *
 * @throws AppError bad_request for a type with nothing to try; else as `testConnection` and `testTokenRequest`
 */
export async function testSecret(
  caller: Caller,
  workspaceId: string,
  id: string,
  signal: AbortSignal,
): Promise<Resource> {
  const scope = await permitted(caller, EDIT, workspaceId, id);
  const row = await findSecret(caller, scope, id, EDIT);
  if (row.type === "oauth2") return testTokenRequest(caller, scope, row);
  if (row.type === "postgresql" || row.type === "mysql") return testConnection(caller, scope, row, signal);
  throw new AppError(
    "bad_request",
    `A secret of type ${row.type} goes nowhere by itself, so there is nothing to test.`,
  );
}
