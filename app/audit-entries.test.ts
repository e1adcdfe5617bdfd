import { expect, test } from "vitest";
import { POST as REVEAL } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/reveal/route";
import { DELETE, GET, PATCH } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/route";
import { GET as TOKEN } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/token/route";
import { GET as LIST } from "@/app/v2/workspaces/[workspaceId]/secrets/route";
import { PEER_HEADER } from "@/lib/http/client-address";
import { makePerson, makeSession } from "@/lib/testing/callers";
import { call, type Handler } from "@/lib/testing/http";
import { useOAuthWorld } from "@/lib/testing/oauth-world";

/** Every entry says who, with which credential, where from and by which request (SECURITY AU-2), whichever way it was written. */
const world = useOAuthWorld();
const IP = "192.0.2.77";
const AGENT = "flow/1.0";

const last = async (action: string) =>
  (await world.database.owner`select * from audit_entries where action = ${action} order by id desc limit 1`)[0];
const rename = { data: { type: "auth-secret", attributes: { name: "Renamed" } } };

test.each<[string, Handler, string, unknown, number, string, string]>([
  ["a change", PATCH, "PATCH", rename, 200, "secret.edited", "allowed"],
  ["a value that is read", GET, "GET", undefined, 200, "secret.read", "allowed"],
  ["a token that is handed out", TOKEN, "GET", undefined, 200, "secret.token", "allowed"],
  ["a list of values", LIST, "GET", undefined, 200, "secret.list", "allowed"],
  ["a value that is shown", REVEAL, "POST", { field: "access_token" }, 200, "secret.revealed", "allowed"],
  ["what is not there", DELETE, "DELETE", undefined, 404, "workspaces.auth_secret.delete", "denied"],
])("%s", async (_what, handler, method, json, status, action, outcome) => {
  const secret = await world.addSecret();
  const secretId = status === 404 ? world.place.tenantId : secret.id;
  for (const [via, as, kind] of [
    ["api-key", world.owner.basic, "user"],
    ...(handler === REVEAL ? [["session", await makeSession(world.owner.id), "user"] as const] : []),
  ] as const) {
    const answer = await call(handler, {
      method,
      params: { workspaceId: world.place.workspaceId, secretId },
      as,
      json,
      headers: { [PEER_HEADER]: IP, "user-agent": AGENT, "x-request-id": "step 7" },
    });
    expect(answer.status).toBe(status);
    const entry = await last(action);
    const table = via === "session" ? "sessions" : "api_keys";
    const [credential] = await world.database.owner`
      select id from ${world.database.owner(table)} where user_id = ${world.owner.id} order by created_at desc limit 1`;
    expect(entry).toMatchObject({
      outcome,
      actor_kind: kind,
      actor_id: world.owner.id,
      via,
      credential_id: credential?.id,
      ip: IP,
      user_agent: AGENT,
      purpose: "step 7",
      request_id: answer.headers.get("x-request-id"),
      workspace_id: world.place.workspaceId,
    });
  }
});

test("what a caller may not do", async () => {
  const secret = await world.addSecret();
  const guest = await makePerson(world.place, { workspace: "guest" });
  const answer = await call(DELETE, {
    method: "DELETE",
    params: { workspaceId: world.place.workspaceId, secretId: secret.id },
    as: guest.basic,
    headers: { [PEER_HEADER]: IP },
  });
  expect(answer.status).toBe(403);
  const entry = await last("workspaces.auth_secret.delete");
  expect(entry).toMatchObject({
    outcome: "denied",
    actor_id: guest.id,
    ip: IP,
    target_id: secret.id,
    request_id: answer.headers.get("x-request-id"),
  });
  expect(entry?.credential_id).toMatch(/^[0-9a-f]{24}$/);
});
