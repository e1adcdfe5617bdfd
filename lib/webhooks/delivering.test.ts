import { Webhook } from "standardwebhooks";
import { beforeEach, describe, expect, test } from "vitest";
import { DELETE as DELETE_SECRET } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/route";
import { POST as CREATE_SECRET } from "@/app/v2/workspaces/[workspaceId]/secrets/route";
import { pruneDeliveries } from "@/lib/jobs/prune-deliveries";
import { metrics } from "@/lib/observability/metrics";
import { call } from "@/lib/testing/http";
import { useOAuthWorld } from "@/lib/testing/oauth-world";
import { useReceiver } from "@/lib/testing/webhook-receiver";
import { webhookCalls } from "@/lib/testing/webhook-world";
import { attempt, holder } from "./attempt";
import { claim } from "./delivery-store";
import { gather } from "./gather";
import { LEASE_MS } from "./policy";

/** Messages from what happened to a real receiver: signed, repeated, given up, and never by two at once. */
const world = useOAuthWorld();
const receiver = useReceiver();
const hooks = webhookCalls(() => ({ place: world.place, auth: world.owner.basic, database: world.database }));

beforeEach(async () => {
  for (const table of ["webhooks", "webhook_events", "webhook_deliveries", "webhook_marks"])
    await world.database.owner`delete from ${world.database.owner(table)}`;
});

const { addPassword } = hooks;
const verify = (signing: string, at = 0) => {
  const message = receiver.arrived[at];
  if (!message) throw new Error("Nothing arrived.");
  return new Webhook(signing).verify(message.body, message.headers);
};
const created = () => receiver.arrived.filter((one) => one.json.type === "secret.created");

describe("a message", () => {
  test("is signed as Standard Webhooks says, and tells what happened by name", async () => {
    const hook = await hooks.add({ url: `${receiver.url}/here?x=1`, events: ["secret.created"] });
    const id = await addPassword("Payroll");
    expect(await hooks.round()).toBe(0);
    await hooks.later("11 s");
    expect(await hooks.round()).toBe(1);
    expect(verify(hook.signing)).toMatchObject({
      type: "secret.created",
      data: {
        message: expect.stringMatching(/^The secret Payroll of .+ was added\.$/),
        workspace: { id: world.place.workspaceId },
        count: 1,
        secrets: [{ id, name: "Payroll" }],
        auth_client: null,
      },
    });
    expect(receiver.arrived[0]?.path).toBe("/here?x=1");
    expect(() => verify(`whsec_${Buffer.alloc(32).toString("base64")}`)).toThrow();
    const [entry] = await hooks.log(hook.id);
    expect(entry.attributes).toMatchObject({
      message_id: receiver.arrived[0]?.headers["webhook-id"],
      event: "secret.created",
      state: "delivered",
      attempts: 1,
      status: 204,
      error: null,
      next_attempt_at: null,
    });
    expect(await hooks.round()).toBe(0);
    expect(receiver.arrived).toHaveLength(1);
  });

  test("is made only of what was asked for, while the webhook is on", async () => {
    const off = await hooks.add({ url: receiver.url, enabled: false });
    const deleted = await hooks.add({ url: receiver.url, events: ["secret.deleted"] });
    const id = await addPassword();
    await call(DELETE_SECRET, {
      method: "DELETE",
      params: { workspaceId: world.place.workspaceId, secretId: id },
      as: world.owner.basic,
    });
    await hooks.later("11 s");
    await hooks.round();
    expect(receiver.arrived.map((one) => one.json.type)).toEqual(["secret.deleted"]);
    expect(await hooks.log(off.id)).toEqual([]);
    expect(await hooks.log(deleted.id)).toHaveLength(1);
  });

  test("is written in the transaction of what it tells of: what was undone is not told", async () => {
    await hooks.add({ url: receiver.url, events: ["secret.created"] });
    const id = await addPassword("Twice");
    const second = await call(CREATE_SECRET, {
      method: "POST",
      params: { workspaceId: world.place.workspaceId },
      as: world.owner.basic,
      json: {
        data: { type: "auth-secret", attributes: { name: "Twice", type: "password", credentials: { password: "x" } } },
      },
    });
    expect(second.status).toBe(409);
    const events = await world.database.owner`select secret_id from webhook_events`;
    expect(events).toEqual([{ secret_id: id }]);
  });

  test("of a rotated signing secret carries both signatures for a day", async () => {
    const hook = await hooks.add({ url: receiver.url, events: ["secret.created"] });
    const rotated = (await hooks.rotate(hook.id)).body.data.attributes;
    expect(rotated.signing_secret).toMatch(/^whsec_/);
    expect(rotated.signing_secret).not.toBe(hook.signing);
    expect(rotated.previous_secret_until).not.toBeNull();
    await addPassword();
    await hooks.later("11 s");
    await hooks.round();
    expect(receiver.arrived[0]?.headers["webhook-signature"]?.split(" ")).toHaveLength(2);
    verify(hook.signing);
    verify(rotated.signing_secret);

    await hooks.later("1 day");
    await addPassword();
    await hooks.later("11 s");
    await hooks.round();
    verify(rotated.signing_secret, 1);
    expect(() => verify(hook.signing, 1)).toThrow();
  });
});

describe("a receiver that does not take it", () => {
  test("gets the same message with the same id again, later each time, until it does", async () => {
    const hook = await hooks.add({ url: receiver.url, events: ["secret.created"] });
    metrics().webhookDeliveries.reset();
    receiver.respond = (_message, response) => void response.writeHead(500).end("an inner secret of the receiver");
    await addPassword();
    await hooks.later("11 s");
    expect(await hooks.round()).toBe(1);
    // Not before its time.
    expect(await hooks.round()).toBe(0);
    const [waiting] = await hooks.log(hook.id);
    expect(waiting.attributes).toMatchObject({
      state: "pending",
      attempts: 1,
      status: 500,
      error: { code: "refused" },
    });
    expect(JSON.stringify(waiting)).not.toContain("inner secret");
    await hooks.later("6 s");
    expect(await hooks.round()).toBe(1);
    receiver.respond = (_message, response) => void response.writeHead(200).end("ok");
    await hooks.later("24 s");
    expect(await hooks.round()).toBe(1);
    expect(receiver.arrived).toHaveLength(3);
    expect(new Set(receiver.arrived.map((one) => one.headers["webhook-id"])).size).toBe(1);
    expect(new Set(receiver.arrived.map((one) => one.body)).size).toBe(1);
    for (const at of [0, 1, 2]) verify(hook.signing, at);
    expect((await hooks.log(hook.id))[0].attributes).toMatchObject({ state: "delivered", attempts: 3, status: 200 });
    expect((await hooks.get(hook.id)).body.data.attributes.failing_since).toBeNull();
    const counted = (await metrics().webhookDeliveries.get()).values;
    expect(counted.map(({ labels, value }) => [labels.outcome, value])).toEqual([
      ["retrying", 2],
      ["delivered", 1],
    ]);
  });

  test("is given up after eleven attempts, and switched off when nothing has arrived for three days", async () => {
    const hook = await hooks.add({ url: receiver.url, events: ["secret.created"] });
    receiver.respond = (_message, response) => void response.writeHead(503).end();
    const giveUp = async () => {
      await addPassword();
      await hooks.later("15 minutes");
      let attempts = 0;
      // Only the time between attempts goes by, so that the age of a message is what its attempts make of it.
      for (; (await hooks.round()) > 0; attempts++)
        await world.database.owner`update webhook_deliveries set next_attempt_at = now() where state = 'pending'`;
      return attempts;
    };
    expect(await giveUp()).toBe(11);
    expect((await hooks.log(hook.id))[0].attributes).toMatchObject({ state: "failed", attempts: 11, status: 503 });
    expect((await hooks.get(hook.id)).body.data.attributes).toMatchObject({ enabled: true, off: null });

    await hooks.later("3 days");
    expect(await giveUp()).toBe(11);
    const { attributes } = (await hooks.get(hook.id)).body.data;
    expect(attributes).toMatchObject({ enabled: false, off: { code: "failing" } });
    const entries = await world.database.owner`
      select via, detail from audit_entries where action = 'webhook.switched_off' and target_id = ${hook.id}`;
    expect(entries).toEqual([{ via: "webhook", detail: { reason: "failing" } }]);
    await addPassword();
    expect(await world.database.owner`select 1 from webhook_events`).toHaveLength(0);

    const again = await hooks.patch(hook.id, { enabled: true });
    expect(again.body.data.attributes).toMatchObject({ enabled: true, off: null, failing_since: null });
  });

  test("is waited for as long as it asks", async () => {
    const hook = await hooks.add({ url: receiver.url, events: ["secret.created"] });
    receiver.respond = (_message, response) => void response.writeHead(429, { "retry-after": "7200" }).end();
    await addPassword();
    await hooks.later("11 s");
    await hooks.round();
    await hooks.later("119 minutes");
    expect(await hooks.round()).toBe(0);
    await hooks.later("2 minutes");
    expect(await hooks.round()).toBe(1);
    expect((await hooks.log(hook.id))[0].attributes.attempts).toBe(2);
  });

  test("that answers 410 is asked no more, for anything", async () => {
    const hook = await hooks.add({ url: receiver.url, events: ["secret.created", "secret.deleted"] });
    receiver.respond = (_message, response) => void response.writeHead(410).end();
    const id = await addPassword();
    await hooks.later("11 s");
    await call(DELETE_SECRET, {
      method: "DELETE",
      params: { workspaceId: world.place.workspaceId, secretId: id },
      as: world.owner.basic,
    });
    await hooks.round();
    await hooks.later("1 hour");
    expect(await hooks.round()).toBe(0);
    expect(receiver.arrived).toHaveLength(1);
    expect((await hooks.get(hook.id)).body.data.attributes).toMatchObject({ enabled: false, off: { code: "gone" } });
    expect((await hooks.log(hook.id))[0].attributes).toMatchObject({ state: "failed", error: { code: "gone" } });
    const refused = await hooks.redeliver(hook.id, (await hooks.log(hook.id))[0].id);
    expect(refused.status).toBe(409);
  });

  test("sends no redirect anywhere", async () => {
    const hook = await hooks.add({ url: receiver.url, events: ["secret.created"] });
    receiver.respond = (message, response) =>
      void response.writeHead(message.path === "/elsewhere" ? 204 : 307, { location: "/elsewhere" }).end();
    await addPassword();
    await hooks.later("11 s");
    await hooks.round();
    expect(receiver.arrived.map((one) => one.path)).toEqual(["/"]);
    expect((await hooks.log(hook.id))[0].attributes.error.code).toBe("redirected");
  });

  test("costs no memory however much it answers", { timeout: 60_000 }, async () => {
    const hook = await hooks.add({ url: receiver.url, events: ["secret.created"] });
    let sent = 0;
    receiver.respond = (_message, response) => {
      response.writeHead(200);
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536))) sent += 65_536;
      };
      response.on("drain", more);
      more();
    };
    await addPassword();
    await hooks.later("11 s");
    await hooks.round();
    expect((await hooks.log(hook.id))[0].attributes).toMatchObject({ state: "delivered", status: 200 });
    expect(sent).toBeLessThan(50_000_000);
  });
});

test("the log keeps thirty days, and of each webhook the last thousand; what waits stays", async () => {
  const { id } = await hooks.add({ url: receiver.url, events: ["secret.created"] });
  const other = await hooks.add({ url: receiver.url, events: ["secret.created"] });
  const { tenantId, workspaceId } = world.place;
  const add = (webhookId: string, count: number, age: string, state: string) => world.database.owner`
    insert into webhook_deliveries (tenant_id, id, webhook_id, workspace_id, event, group_key, body, count, state, created_at, finished_at)
    select ${tenantId}, gen_random_uuid()::text, ${webhookId}, ${workspaceId}, 'secret.created', 'x', '{}', 1, ${state},
           now() - ${age}::interval - n * interval '1 s', now() - ${age}::interval - n * interval '1 s'
      from generate_series(1, ${count}) n`;
  await add(id, 1_005, "1 day", "delivered");
  await add(other.id, 3, "31 days", "failed");
  await add(other.id, 2, "31 days", "pending");
  await add(other.id, 4, "29 days", "failed");
  expect(await pruneDeliveries()).toBe(8);
  expect(await pruneDeliveries()).toBe(0);
  const left = await world.database.owner`
    select webhook_id = ${id} as first, state, count(*)::int as n from webhook_deliveries group by 1, 2 order by 1, 2`;
  expect(left).toEqual([
    { first: false, state: "failed", n: 4 },
    { first: false, state: "pending", n: 2 },
    { first: true, state: "delivered", n: 1_000 },
  ]);
});

describe("several workers", () => {
  test("never make one attempt twice: of twenty that claim at once one gets it", async () => {
    await hooks.add({ url: receiver.url, events: ["secret.created"] });
    await addPassword();
    await hooks.later("11 s");
    await Promise.all(Array.from({ length: 20 }, () => gather()));
    const claims = await Promise.all(Array.from({ length: 20 }, (_, n) => claim(`worker ${n}`, 10, [], LEASE_MS)));
    expect(claims.flat()).toHaveLength(1);
  });

  test("who slept while its lease lapsed sends nothing, and writes nothing", async () => {
    const hook = await hooks.add({ url: receiver.url, events: ["secret.created"] });
    await addPassword();
    await hooks.later("11 s");
    await gather();
    const [slept] = await claim(holder(), 1, [], LEASE_MS);
    if (!slept) throw new Error("Nothing was due.");
    await hooks.later("61 s");
    const [taken] = await claim(holder(), 1, [], LEASE_MS);
    if (!taken) throw new Error("It did not lapse.");
    expect(taken.attempts).toBe(2);
    await attempt(slept);
    expect(receiver.arrived).toHaveLength(0);
    await attempt(taken);
    expect(receiver.arrived).toHaveLength(1);
    expect((await hooks.log(hook.id))[0].attributes).toMatchObject({ state: "delivered", attempts: 2 });
  });

  test("a receiver that does not answer holds up its own webhook only", async () => {
    const slow = await hooks.add({ url: `${receiver.url}/slow`, events: ["secret.created"] });
    const quick = await hooks.add({ url: `${receiver.url}/quick`, events: ["secret.created"] });
    const release: (() => void)[] = [];
    receiver.respond = (message, response) => {
      if (message.path === "/slow") release.push(() => response.writeHead(204).end());
      else response.writeHead(204).end();
    };
    await addPassword();
    await hooks.later("11 s");
    await gather();
    const first = await claim(holder(), 10, [], LEASE_MS);
    expect(first).toHaveLength(2);
    const under = first.map((lease) => attempt(lease));
    await under[first.findIndex((lease) => lease.webhookId === quick.id)];
    await addPassword();
    await hooks.later("31 s");
    await world.database
      .owner`update webhook_deliveries set lease_until = now() + interval '1 minute' where lease_until is not null`;
    await gather();
    // The slow one has two waiting now, and gets none of them while it is busy.
    const next = await claim(holder(), 10, [], LEASE_MS);
    expect(next.map((lease) => lease.webhookId)).toEqual([quick.id]);
    await attempt(next[0] as (typeof next)[0]);
    expect(created().filter((one) => one.path === "/quick")).toHaveLength(2);
    for (const go of release) go();
    await Promise.all(under);
    expect((await hooks.log(slow.id)).map((one: { attributes: { state: string } }) => one.attributes.state)).toEqual([
      "pending",
      "delivered",
    ]);
  });

  test("a tenant with enough under way is left out", async () => {
    await hooks.add({ url: receiver.url, events: ["secret.created"] });
    await addPassword();
    await hooks.later("11 s");
    await gather();
    expect(await claim(holder(), 10, [world.place.tenantId], LEASE_MS)).toEqual([]);
    expect(await claim(holder(), 10, ["another"], LEASE_MS)).toHaveLength(1);
  });
});
