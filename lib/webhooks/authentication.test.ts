import { Webhook } from "standardwebhooks";
import { beforeEach, describe, expect, test } from "vitest";
import { DELETE as DELETE_SECRET } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/route";
import { call } from "@/lib/testing/http";
import { useOAuthWorld } from "@/lib/testing/oauth-world";
import { useReceiver } from "@/lib/testing/webhook-receiver";
import { webhookCalls } from "@/lib/testing/webhook-world";

/** Deliveries that a stored secret authenticates. */
const world = useOAuthWorld();
const receiver = useReceiver();
const hooks = webhookCalls(() => ({ place: world.place, auth: world.owner.basic, database: world.database }));
const { addPassword } = hooks;

beforeEach(async () => {
  for (const table of ["webhooks", "webhook_events", "webhook_deliveries", "webhook_marks"])
    await world.database.owner`delete from ${world.database.owner(table)}`;
});

const verify = (signing: string, at = 0) => {
  const message = receiver.arrived[at];
  if (!message) throw new Error("Nothing arrived.");
  return new Webhook(signing).verify(message.body, message.headers);
};

describe("the authenticating secret", () => {
  test("is put in by its type, for a host that it allows, and each use is recorded", async () => {
    const secret = await addPassword("For the receiver", { allowed_hosts: [receiver.host] });
    const hook = await hooks.add({ url: receiver.url, events: ["secret.created"] }, secret);
    await addPassword();
    await hooks.later("11 s");
    await hooks.round();
    expect(receiver.arrived[0]?.all.authorization).toBe("Bearer hush");
    verify(hook.signing);
    const entries = await world.database.owner`
      select actor_kind, actor_id, via, outcome, host from audit_entries
       where action = 'secret.requested' and target_id = ${secret}`;
    expect(entries).toEqual([
      { actor_kind: "system", actor_id: hook.id, via: "webhook", outcome: "allowed", host: receiver.host },
    ]);
  });

  test("that allows the host no more, or is gone, is not sent; nothing is sent without it", async () => {
    const secret = await addPassword("Taken back", { allowed_hosts: [receiver.host] });
    const hook = await hooks.add({ url: receiver.url, events: ["secret.created"] }, secret);
    await world.database.owner`update secrets set allowed_hosts = '{}' where id = ${secret}`;
    await addPassword();
    await hooks.later("11 s");
    await hooks.round();
    const [unfit] = await hooks.log(hook.id);
    expect(unfit.attributes).toMatchObject({ state: "pending", attempts: 1, error: { code: "secret_unfit" } });
    await call(DELETE_SECRET, {
      method: "DELETE",
      params: { workspaceId: world.place.workspaceId, secretId: secret },
      as: world.owner.basic,
    });
    await hooks.later("10 s");
    await hooks.round();
    const [gone] = await hooks.log(hook.id);
    expect(gone.attributes).toMatchObject({ state: "pending", attempts: 2, error: { code: "secret_gone" } });
    expect(receiver.arrived).toEqual([]);
  });
});

describe("a 401 to an oauth2 secret", () => {
  const events = ["secret.created", "secret.refused"];
  /** A webhook that sends a token, and the first token. */
  async function withToken() {
    const secret = await world.addSecret();
    await world.database.owner`update secrets set allowed_hosts = ${[receiver.host]} where id = ${secret.id}`;
    const hook = await hooks.add({ url: receiver.url, events }, secret.id);
    return { hook, secret, first: `Bearer ${secret.accessToken}` };
  }
  const sent = () => receiver.arrived.map((one) => one.all.authorization);
  async function happen() {
    await addPassword();
    await hooks.later("11 s");
    return hooks.round();
  }

  test("has the token renewed once, and the same message sent once more", async () => {
    const { hook, secret, first } = await withToken();
    receiver.respond = ({ all }, response) =>
      void response.writeHead(all.authorization === first ? 401 : 204).end("no more of it");
    expect(await happen()).toBe(1);
    expect(world.idp.refreshCalls()).toHaveLength(1);
    expect(sent()).toEqual([first, expect.stringMatching(/^Bearer ./)]);
    expect(sent()[1]).not.toBe(first);
    for (const at of [0, 1]) verify(hook.signing, at);
    expect(new Set(receiver.arrived.map(({ headers, body }) => headers["webhook-id"] + body)).size).toBe(1);
    expect((await hooks.log(hook.id))[0].attributes).toMatchObject({ state: "delivered", attempts: 1, status: 204 });
    const entries = await world.database.owner`
      select via, host from audit_entries where action = 'secret.requested' and target_id = ${secret.id}`;
    expect(entries).toEqual([1, 2].map(() => ({ via: "webhook", host: receiver.host })));
  });

  test("that goes on is the answer, and the webhook is not told that its own token was refused", async () => {
    const { hook } = await withToken();
    const other = await hooks.add({ url: `${receiver.url}/other`, events: ["secret.refused"] });
    receiver.respond = ({ all }, response) => void response.writeHead(all.authorization ? 401 : 204).end();
    await happen();
    expect(sent()).toHaveLength(2);
    expect(world.idp.refreshCalls()).toHaveLength(1);
    const [entry] = await hooks.log(hook.id);
    expect(entry.attributes).toMatchObject({ state: "pending", attempts: 1, status: 401, error: { code: "refused" } });
    await hooks.later("11 s");
    await hooks.round();
    expect((await hooks.log(hook.id)).map((one: { attributes: { event: string } }) => one.attributes.event)).toEqual([
      "secret.created",
    ]);
    expect((await hooks.log(other.id))[0].attributes).toMatchObject({ event: "secret.refused", state: "delivered" });
  });

  test("is the answer where no newer token is to be had", async () => {
    const { hook } = await withToken();
    world.idp.always({ error: { code: "invalid_grant" } });
    receiver.respond = (_message, response) => void response.writeHead(401).end();
    await happen();
    expect(sent()).toHaveLength(1);
    expect((await hooks.log(hook.id))[0].attributes).toMatchObject({ attempts: 1, status: 401 });
  });

  test("and a lease that lapsed while the token was renewed: nothing more is sent", async () => {
    const { hook, first } = await withToken();
    receiver.respond = async ({ all }, response) => {
      await world.database.owner`update webhook_deliveries set holder = 'another'`;
      response.writeHead(all.authorization === first ? 401 : 204).end();
    };
    await happen();
    expect(sent()).toEqual([first]);
    expect((await hooks.log(hook.id))[0].attributes).toMatchObject({ state: "pending", status: null });
  });

  test("with another type of secret is the answer at once", async () => {
    const secret = await addPassword("Fixed", { allowed_hosts: [receiver.host] });
    await hooks.add({ url: receiver.url, events }, secret);
    receiver.respond = (_message, response) => void response.writeHead(401).end();
    await happen();
    expect(sent()).toHaveLength(1);
  });
});
