import { beforeEach, describe, expect, test } from "vitest";
import { PATCH as PATCH_CLIENT } from "@/app/v2/auth-clients/[id]/route";
import { DELETE as FORGET } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/tokens/route";
import { runAttempt } from "@/lib/refresher/ensure-fresh";
import { refresher } from "@/lib/refresher/live-world";
import { addWorkspace } from "@/lib/testing/callers";
import { call } from "@/lib/testing/http";
import { useOAuthWorld } from "@/lib/testing/oauth-world";
import { useReceiver } from "@/lib/testing/webhook-receiver";
import { webhookCalls } from "@/lib/testing/webhook-world";
import { noteExpiring } from "./delivery-store";

/** What is told when the refresher, a provider or a person makes it happen; and how much of it becomes one message. */
const world = useOAuthWorld();
const receiver = useReceiver();
const hooks = webhookCalls(() => ({ place: world.place, auth: world.owner.basic, database: world.database }));
const TROUBLE = [
  "secret.reauthorization_needed",
  "secret.recovered",
  "secret.expiring",
  "secret.paused",
  "secret.refused",
  "client.paused",
  "client.recovered",
];

beforeEach(async () => {
  for (const table of ["webhooks", "webhook_events", "webhook_deliveries", "webhook_marks", "auth_client_state"])
    await world.database.owner`delete from ${world.database.owner(table)}`;
  await world.database.owner`update token_state set refresh_due_at = null`;
});

async function sweepOnce(): Promise<void> {
  const { rows } = refresher().world;
  const leases = [...(await rows.claim(200, [])), ...(await rows.claimProbes())];
  await Promise.all(leases.map((lease) => runAttempt(lease, null)));
}
/** Two refusals, the second after the hold-off: the grant is believed dead. */
async function die(secretId: string): Promise<void> {
  for (let tries = 0; tries < 2; tries++) {
    world.idp.next({ consume: false, error: { status: 400, code: "invalid_grant" } });
    await world.database.owner`update token_state set refresh_due_at = now() - interval '1 s',
      suspect_since = suspect_since - interval '2 minutes' where secret_id = ${secretId}`;
    await sweepOnce();
  }
}
/** What arrived when everything that waited was told. */
async function told(): Promise<[string, string | null, string[]][]> {
  await hooks.later("11 s");
  await hooks.round();
  return receiver.arrived
    .splice(0)
    .map(({ json }) => [json.type, json.data.code, json.data.secrets.map((one: { id: string }) => one.id)]);
}

describe("a secret", () => {
  test("whose grant is refused is told of once, and again when somebody has authorized it", async () => {
    await hooks.add({ url: receiver.url, events: TROUBLE });
    const secret = await world.addSecret();
    await die(secret.id);
    expect((await world.state(secret.id)).status).toBe("dead");
    expect(await told()).toEqual([["secret.reauthorization_needed", "grant_refused", [secret.id]]]);
    await world.database.owner`update token_state set status = 'suspect' where secret_id = ${secret.id}`;
    await world.database.owner`update token_state set status = 'dead' where secret_id = ${secret.id}`;
    expect(await world.database.owner`select 1 from webhook_events`).toHaveLength(0);

    // What a callback does: a new grant's tokens become current.
    await world.database.owner`update token_state set status = 'active', generation = generation + 1, problem = null
      where secret_id = ${secret.id}`;
    expect(await told()).toEqual([["secret.recovered", null, [secret.id]]]);
  });

  test("that refreshes well, or fails in passing, is not told of", async () => {
    await hooks.add({ url: receiver.url, events: TROUBLE });
    const secret = await world.addSecret();
    for (const behaviour of [null, { error: { status: 500 } }, null]) {
      if (behaviour) world.idp.next(behaviour);
      await world.patience(secret.id);
      await world.makeDue(secret.id);
      await sweepOnce();
    }
    expect(await world.state(secret.id)).toMatchObject({ generation: 3, failures: 0 });
    expect(await world.database.owner`select 1 from webhook_events`).toHaveLength(0);
  });

  test("whose provider is out is told of when its token has ended, and when it works again", async () => {
    await hooks.add({ url: receiver.url, events: TROUBLE });
    const secret = await world.addSecret();
    world.idp.next({ error: { status: 500 } });
    await world.expire(secret.id);
    expect(await noteExpiring(1_000, 0)).toBe(0);
    await sweepOnce();
    expect(await noteExpiring(1_000, 0)).toBe(1);
    expect(await noteExpiring(1_000, 0)).toBe(0);
    expect(await told()).toEqual([["secret.expiring", "provider_failing", [secret.id]]]);
    await world.patience(secret.id);
    await world.makeDue(secret.id);
    await sweepOnce();
    expect(await told()).toEqual([["secret.recovered", null, [secret.id]]]);
  });

  test("that is being renewed at this moment is left alone", async () => {
    await hooks.add({ url: receiver.url, events: TROUBLE });
    const secret = await world.addSecret();
    world.idp.next({ error: { status: 500 } });
    await world.expire(secret.id);
    await sweepOnce();
    await world.database.owner.begin(async (tx) => {
      await tx`update token_state set generation = generation + 1, failures = 0, problem = null,
        expires_at = now() + interval '1 hour' where secret_id = ${secret.id}`;
      expect(await noteExpiring(1_000, 0)).toBe(0);
    });
    expect(await noteExpiring(1_000, 0)).toBe(0);
    expect(await world.database.owner`select 1 from webhook_marks`).toHaveLength(0);
  });

  test("without a refresh token is told of before its token ends, and when it has", async () => {
    await hooks.add({ url: receiver.url, events: TROUBLE });
    const secret = await world.addSecret({ offline: false, expiresIn: 3_600 });
    const day = 86_400_000;
    expect(await noteExpiring(1_000, day)).toBe(0);
    await world.database
      .owner`update token_state set expires_at = now() + interval '25 minutes' where secret_id = ${secret.id}`;
    expect(await noteExpiring(1_000, 60_000)).toBe(0);
    expect(await noteExpiring(1_000, day)).toBe(1);
    expect(await told()).toEqual([["secret.expiring", "no_refresh_token", [secret.id]]]);
    await world.database
      .owner`update token_state set expires_at = now() - interval '1 s' where secret_id = ${secret.id}`;
    expect(await noteExpiring(1_000, day)).toBe(1);
    expect(await noteExpiring(1_000, day)).toBe(0);
    expect(await told()).toEqual([["secret.reauthorization_needed", "no_refresh_token", [secret.id]]]);
  });

  test("whose token an API refused is told of", async () => {
    await hooks.add({ url: receiver.url, events: TROUBLE });
    const secret = await world.addSecret();
    const { fingerprint } = await world.state(secret.id);
    for (let n = 0; n < 3; n++) await world.refused(secret.id, fingerprint);
    expect(await told()).toEqual([["secret.refused", null, [secret.id]]]);
  });

  test("whose tokens somebody had forgotten is no trouble any more", async () => {
    await hooks.add({ url: receiver.url, events: TROUBLE });
    const secret = await world.addSecret();
    await die(secret.id);
    const answer = await call(FORGET, {
      method: "DELETE",
      params: { workspaceId: world.place.workspaceId, secretId: secret.id },
      as: world.owner.basic,
    });
    expect(answer.status).toBe(204);
    expect(await world.database.owner`select 1 from webhook_marks`).toHaveLength(0);
    expect((await told()).map(([event]) => event)).toEqual(["secret.reauthorization_needed"]);
  });

  test("of another workspace is told to nobody here", async () => {
    const other = await addWorkspace(world.place);
    await hooks.add({ url: receiver.url, events: TROUBLE });
    const secret = await world.addSecret();
    await world.database.owner`update secrets set workspace_id = ${other} where id = ${secret.id}`;
    await world.database.owner`update token_state set workspace_id = ${other} where secret_id = ${secret.id}`;
    await die(secret.id);
    expect(await world.database.owner`select 1 from webhook_events`).toHaveLength(0);
  });
});

describe("an auth client", () => {
  test("that the provider rejects is one message, however many secrets wait for it, and one when it is corrected", async () => {
    await hooks.add({ url: receiver.url, events: TROUBLE });
    const clientId = await world.addClient();
    const secrets = [];
    for (let n = 0; n < 5; n++) secrets.push(await world.addSecret({}, { clientId }));
    world.idp.always({ consume: false, error: { status: 401, code: "invalid_client" } });
    for (const secret of secrets) await world.makeDue(secret.id);
    await sweepOnce();
    await hooks.later("11 s");
    await hooks.round();
    expect(receiver.arrived).toHaveLength(1);
    expect(receiver.arrived.splice(0)[0]?.json).toMatchObject({
      type: "client.paused",
      data: { code: "client_rejected", auth_client: { id: clientId }, secrets_of_client: 5, secrets: [] },
    });
    world.idp.reset();
    const corrected = await call(PATCH_CLIENT, {
      method: "PATCH",
      params: { id: clientId },
      as: world.owner.basic,
      json: {
        data: { type: "auth-client", id: clientId, attributes: { credentials: { client_secret: "another" } } },
      },
    });
    expect(corrected.status, JSON.stringify(corrected.body)).toBe(200);
    expect((await told()).map(([event]) => event)).toEqual(["client.recovered"]);
  });
});

test("ten thousand secrets of one client that die over half an hour are a handful of messages, with all of them counted", async () => {
  const COUNT = 10_000;
  const ROUNDS = 50;
  const hook = await hooks.add({ url: receiver.url, events: TROUBLE });
  const clientId = await world.addClient();
  const { owner } = world.database;
  const { tenantId, workspaceId } = world.place;
  await owner`
    insert into secrets (tenant_id, id, workspace_id, type, name, name_key, secret_name, sealed, auth_client_tenant_id, auth_client_id)
    select ${tenantId}, 'many-' || n, ${workspaceId}, 'oauth2', 'Many ' || n, 'many ' || n, 'many-' || n, '', ${tenantId}, ${clientId}
      from generate_series(1, ${COUNT}) n`;
  await owner`
    insert into token_state (tenant_id, secret_id, workspace_id, auth_client_tenant_id, auth_client_id, status, sealed, generation, renewable)
    select ${tenantId}, 'many-' || n, ${workspaceId}, ${tenantId}, ${clientId}, 'active', '', 1, true
      from generate_series(1, ${COUNT}) n`;
  for (let round = 0; round < ROUNDS; round++) {
    await owner`update token_state set status = 'dead', problem = '{"code": "grant_refused"}'
      where secret_id in (select 'many-' || (n + ${round * (COUNT / ROUNDS)}) from generate_series(1, ${COUNT / ROUNDS}) n)`;
    await hooks.later("36 s");
    await hooks.round();
  }
  await hooks.later("10 minutes");
  await hooks.round();
  const counts = receiver.arrived.splice(0).map(({ json }) => {
    expect(json).toMatchObject({ type: "secret.reauthorization_needed", data: { code: "grant_refused" } });
    expect(json.data.secrets.length).toBeLessThanOrEqual(5);
    return json.data.count as number;
  });
  expect(counts.reduce((sum, n) => sum + n, 0)).toBe(COUNT);
  expect(counts.length).toBeLessThanOrEqual(8);
  expect(await hooks.log(hook.id)).toHaveLength(counts.length);

  // All come back in one moment: one word.
  await owner`update token_state set status = 'active', generation = generation + 1 where secret_id like 'many-%'`;
  await hooks.later("11 s");
  await hooks.round();
  expect(receiver.arrived.map(({ json }) => [json.type, json.data.count])).toEqual([["secret.recovered", COUNT]]);
  expect(receiver.arrived[0]?.json.data.message).toMatch(/^10000 secrets of .+ work again: Many .+ and 9995 more\.$/);
}, 120_000);
