import { expect, test } from "vitest";
import { DELETE, PATCH } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/route";
import { keyring } from "@/lib/crypto/envelope";
import { call } from "@/lib/testing/http";
import { useOAuthWorld } from "@/lib/testing/oauth-world";

const world = useOAuthWorld({ LATCHKEY_DB_POOL: "2" });

/** Tenant keys are forgotten every five minutes; fetching one must not wait for a connection that waits for the key. */
test("more transactions that need the tenant's key than the pool has connections all end", async () => {
  const secrets = await Promise.all(Array.from({ length: 8 }, () => world.addSecret()));
  const each = (handler: typeof DELETE, more: object) =>
    Promise.all(
      secrets.map(({ id }) =>
        call(handler, {
          params: { workspaceId: world.place.workspaceId, secretId: id },
          as: world.owner.basic,
          ...more,
        }),
      ),
    );
  keyring().forgetTenant(world.place.tenantId);
  const credentials = { refresh_token: "another-refresh-token" };
  const edited = await each(PATCH, {
    method: "PATCH",
    json: { data: { type: "auth-secret", attributes: { credentials } } },
  });
  expect(edited.map(({ status }) => status)).toEqual(secrets.map(() => 200));
  keyring().forgetTenant(world.place.tenantId);
  const deleted = await each(DELETE, { method: "DELETE" });
  expect(deleted.map(({ status }) => status)).toEqual(secrets.map(() => 204));
});
