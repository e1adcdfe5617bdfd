import { beforeEach, describe, expect, test } from "vitest";
import { POST as CREATE_CLIENT } from "@/app/v2/auth-clients/route";
import { DELETE as DELETE_SECRET } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/route";
import { POST as CREATE_SECRET } from "@/app/v2/workspaces/[workspaceId]/secrets/route";
import { addWorkspace, makePerson, makePlace, OWNER, type Person, type Place } from "@/lib/testing/callers";
import { useDatabase } from "@/lib/testing/database";
import { call } from "@/lib/testing/http";
import { plantSecrets } from "@/lib/testing/planted-secrets";
import { Sentinels } from "@/lib/testing/sentinels";
import { useReceiver } from "@/lib/testing/webhook-receiver";
import { webhookCalls } from "@/lib/testing/webhook-world";

/** The API of webhooks: what is taken, refused and shown, and what another address asks for (AZ-3, AZ-9, PX-1, DO-3). */
const database = useDatabase({ LATCHKEY_EGRESS_ALLOW: "127.0.0.1" });
const receiver = useReceiver();
let place: Place;
let owner: Person;
const hooks = webhookCalls(() => ({ place, auth: owner.basic, database }));

beforeEach(async () => {
  // Rounds are everybody's.
  for (const table of ["webhooks", "webhook_events", "webhook_deliveries"])
    await database.owner`delete from ${database.owner(table)}`;
  place = await makePlace();
  owner = await makePerson(place, OWNER);
});

const addSecret = async (attributes: object, workspaceId = place.workspaceId): Promise<string> => {
  const answer = await call(CREATE_SECRET, {
    method: "POST",
    params: { workspaceId },
    as: owner.basic,
    json: { data: { type: "auth-secret", attributes } },
  });
  expect(answer.status, JSON.stringify(answer.body)).toBe(201);
  return answer.body.data.id;
};
let count = 0;
const password = (allowed_hosts: string[], workspaceId?: string) =>
  addSecret(
    { name: `Password ${++count}`, type: "password", credentials: { password: "hush hush" }, allowed_hosts },
    workspaceId,
  );
const entries = (action: string) =>
  database.owner`select outcome, target_id, host, detail from audit_entries
    where action = ${action} and tenant_id = ${place.tenantId} order by id`;

describe("a webhook", () => {
  test("is added, read, edited and deleted; its signing secret is shown once", async () => {
    const made = await hooks.create({
      name: " On-call ",
      url: receiver.url,
      events: ["secret.created", "secret.created"],
    });
    expect(made.status).toBe(201);
    const { id, attributes } = made.body.data;
    expect(attributes).toMatchObject({
      name: "On-call",
      url: receiver.url,
      events: ["secret.created"],
      enabled: true,
      off: null,
      auth_secret_name: null,
      failing_since: null,
      delivered_at: null,
    });
    expect(attributes.signing_secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    const read = await hooks.get(id);
    expect(JSON.stringify(read.body)).not.toContain("whsec_");
    expect((await hooks.list()).body.data).toEqual([read.body.data]);
    // What is stored holds it in no form.
    const planted = new Sentinels();
    planted.add("signing secret", attributes.signing_secret.slice(6));
    const [row] = await database.owner`select to_jsonb(w)::text as text from webhooks w where id = ${id}`;
    expect(planted.find(row?.text)).toEqual([]);

    const edited = await hooks.patch(id, { name: "Pager", events: ["secret.deleted"], enabled: false });
    expect(edited.body.data.attributes).toMatchObject({ name: "Pager", events: ["secret.deleted"], enabled: false });
    expect(edited.body.data.attributes.signing_secret).toBeUndefined();
    expect((await hooks.remove(id)).status).toBe(204);
    expect((await hooks.get(id)).status).toBe(404);
    for (const action of ["webhook.created", "webhook.edited", "webhook.deleted"])
      expect(await entries(action)).toMatchObject([{ outcome: "allowed", target_id: id }]);
    expect(await entries("webhook.created")).toMatchObject([{ host: receiver.host }]);
  });

  test.each<[string, object, string]>([
    ["no name", { name: " " }, "/data/attributes/name"],
    ["no event", { events: [] }, "/data/attributes/events"],
    ["an unknown event", { events: ["secret.exploded"] }, "/data/attributes/events/0"],
    ["no URL", { url: "example.com" }, "/data/attributes/url"],
    ["a password in the URL", { url: "https://a:b@example.com/" }, "/data/attributes/url"],
    ["a fragment", { url: "https://example.com/#x" }, "/data/attributes/url"],
    ["a state of its own", { off: null }, "/data/attributes/off"],
    ["a signing secret", { signing_secret: "whsec_x" }, "/data/attributes/signing_secret"],
  ])("with %s is 400", async (_what, wrong, pointer) => {
    const answer = await hooks.create({ url: receiver.url, ...wrong });
    expect([answer.status, answer.body.errors?.[0].source?.pointer]).toEqual([400, pointer]);
  });

  test("has a name of its own, and there are twenty at most", async () => {
    const { id } = await hooks.add({ name: "One", url: receiver.url });
    const twice = await hooks.create({ name: "ONE", url: receiver.url });
    expect([twice.status, twice.body.errors[0].source.pointer]).toEqual([409, "/data/attributes/name"]);
    const others = await Promise.all(Array.from({ length: 25 }, () => hooks.create({ url: receiver.url })));
    expect(others.map(({ status }) => status).filter((status) => status === 201)).toHaveLength(19);
    expect(new Set(others.map(({ status }) => status))).toEqual(new Set([201, 409]));
    expect((await hooks.patch(id, { name: "Other" })).status).toBe(200);
  });
});

describe("the authenticating secret", () => {
  test("must be of this workspace, fit for requests, and allowed at the address", async () => {
    const elsewhere = await addWorkspace(place);
    await database.owner`insert into memberships (tenant_id, scope_kind, scope_id, user_id, role)
      values (${place.tenantId}, 'workspace', ${elsewhere}, ${owner.id}, 'owner')`;
    const pointer = "/data/relationships/auth_secret/data/id";
    for (const [secret, words] of [
      [await password([receiver.host], elsewhere), /no such secret/],
      [await password([]), /has no allowed hosts yet/],
      [await password(["api.example.com"]), /may not be sent to 127\.0\.0\.1/],
      [await password([`GET ${receiver.host}`]), /but not with POST/],
      [
        await addSecret({
          name: "Database",
          type: "mysql",
          credentials: { host: "db.example.com", database: "d", user: "u", password: "p" },
        }),
        /cannot be put into a request/,
      ],
    ] as const) {
      const answer = await hooks.create({ url: receiver.url }, secret);
      expect([answer.status, answer.body.errors[0].source.pointer]).toEqual([400, pointer]);
      expect(answer.body.errors[0].detail).toMatch(words);
    }
    const fit = await password([receiver.host]);
    const made = await hooks.create({ url: receiver.url }, fit);
    expect(made.status).toBe(201);
    expect(made.body.data.relationships.auth_secret.data).toEqual({ id: fit, type: "auth-secret" });
    expect(made.body.data.attributes.auth_secret_name).toMatch(/^Password/);
  });

  test("needs the right to use it", async () => {
    const fit = await password([receiver.host]);
    const limited = await makePerson(place, { workspace: "owner" });
    await database.owner`update api_keys set permissions = ${["workspaces.webhook.get", "workspaces.webhook.create", "workspaces.webhook.edit"]}
      where id = ${limited.keyId}`;
    expect((await hooks.create({ url: receiver.url }, null, limited.basic)).status).toBe(201);
    expect((await hooks.create({ url: receiver.url }, fit, limited.basic)).status).toBe(403);
    const { id } = await hooks.add({ url: receiver.url });
    expect((await hooks.patch(id, {}, fit, limited.basic)).status).toBe(403);
    expect(await entries("workspaces.auth_secret.use")).toMatchObject([
      { outcome: "denied", target_id: fit },
      { outcome: "denied", target_id: fit },
    ]);
  });

  test("goes to no other address without being chosen again", async () => {
    const secret = await password([receiver.host]);
    const { id, signing } = await hooks.add({ url: receiver.url }, secret);
    const elsewhere = `${receiver.url}/elsewhere`;
    const silent = await hooks.patch(id, { url: elsewhere });
    expect([silent.status, silent.body.errors[0].source.pointer]).toEqual([400, "/data/relationships/auth_secret"]);
    expect((await hooks.get(id)).body.data.attributes.url).toBe(receiver.url);

    const foreign = await hooks.patch(id, { url: "https://other.example.com/" }, secret);
    expect(foreign.body.errors[0].detail).toMatch(/may not be sent to other\.example\.com/);

    const chosen = await hooks.patch(id, { url: elsewhere }, secret);
    expect(chosen.status).toBe(200);
    expect(chosen.body.data.attributes.signing_secret).toMatch(/^whsec_/);
    expect(chosen.body.data.attributes.signing_secret).not.toBe(signing);
    const without = await hooks.patch(id, { url: receiver.url }, null);
    expect(without.body.data.relationships.auth_secret).toBeUndefined();
    expect((await entries("webhook.edited")).map(({ detail }) => detail.host_before)).toEqual([
      receiver.host,
      receiver.host,
    ]);
    // The same address again is no other one.
    expect((await hooks.patch(id, { url: receiver.url })).body.data.attributes.signing_secret).toBeUndefined();
  });

  test("that was deleted leaves the webhook, which says so and sends nothing", async () => {
    const secret = await password([receiver.host]);
    const { id } = await hooks.add({ url: receiver.url }, secret);
    await call(DELETE_SECRET, {
      method: "DELETE",
      params: { workspaceId: place.workspaceId, secretId: secret },
      as: owner.basic,
    });
    expect((await hooks.get(id)).body.data).toMatchObject({
      attributes: { auth_secret_name: null },
      relationships: { auth_secret: { data: { id: secret } } },
    });
    expect((await hooks.test(id)).body.data.attributes).toMatchObject({
      state: "failed",
      error: { code: "secret_gone" },
    });
    expect(receiver.arrived).toEqual([]);
  });
});

describe("deliveries", () => {
  test("a test is one delivery now, also of a webhook that is off, and is never repeated", async () => {
    const { id } = await hooks.add({ url: receiver.url, enabled: false });
    const good = await hooks.test(id);
    expect(good.body.data.attributes).toMatchObject({
      event: "webhook.test",
      state: "delivered",
      attempts: 1,
      status: 204,
      error: null,
    });
    receiver.respond = (_message, response) => void response.writeHead(503).end();
    const bad = await hooks.test(id);
    expect(bad.body.data.attributes).toMatchObject({ state: "failed", status: 503, error: { code: "refused" } });
    expect(await hooks.log(id)).toEqual([bad.body.data, good.body.data]);
    expect(await hooks.round()).toBe(0);
    // A failed test says nothing about deliveries.
    expect((await hooks.get(id)).body.data.attributes.failing_since).toBeNull();
  });

  test("are asked for twenty times at once, and no more", async () => {
    const { id } = await hooks.add({ url: receiver.url });
    let answer = await hooks.test(id);
    for (let n = 1; answer.status === 200 && n < 40; n++) answer = await hooks.test(id);
    expect(answer.status).toBe(429);
    expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(receiver.arrived).toHaveLength(21);
  });

  test("once more: a finished one, with the same id and body; one under way is 409", async () => {
    const { id } = await hooks.add({ url: receiver.url, events: ["secret.created"] });
    await password([]);
    await hooks.later("11 s");
    await hooks.round();
    const [first] = await hooks.log(id);
    expect((await hooks.redeliver(id, first.id)).body.data.attributes).toMatchObject({ state: "pending", attempts: 0 });
    expect((await hooks.redeliver(id, first.id)).status).toBe(409);
    await hooks.round();
    expect(receiver.arrived).toHaveLength(2);
    expect(new Set(receiver.arrived.map(({ headers, body }) => `${headers["webhook-id"]} ${body}`)).size).toBe(1);
    expect((await hooks.redeliver(id, place.tenantId)).status).toBe(404);
    const other = await hooks.add({ url: receiver.url });
    expect((await hooks.redeliver(other.id, first.id)).status).toBe(404);
  });

  test("of a webhook that is switched off are not made", async () => {
    const { id } = await hooks.add({ url: receiver.url, events: ["secret.created"] });
    await password([]);
    await hooks.later("11 s");
    receiver.respond = (_message, response) => void response.writeHead(500).end();
    await hooks.round();
    await password([]);
    await hooks.patch(id, { enabled: false });
    await hooks.later("1 day");
    expect(await hooks.round()).toBe(0);
    expect((await hooks.log(id))[0].attributes).toMatchObject({ state: "failed", error: { code: "off" } });
    await hooks.patch(id, { enabled: true });
    await hooks.later("1 day");
    expect(await hooks.round()).toBe(0);
  });

  test("hold none of the values of secrets and auth clients of any type", async () => {
    const planted = new Sentinels();
    const { id, signing } = await hooks.add({ url: receiver.url });
    planted.add("signing secret", signing.slice(6));
    let made = 0;
    for (const { type, client, credentials } of plantSecrets(planted)) {
      let relationships: object | undefined;
      if (type === "oauth2") {
        const uri = "https://provider.example.com/token";
        const answer = await call(CREATE_CLIENT, {
          method: "POST",
          as: owner.basic,
          json: {
            data: {
              type: "auth-client",
              attributes: {
                type,
                name: `Client of ${type}`,
                credentials: { ...client, client_id: "c", auth_uri: uri, token_uri: uri },
              },
              relationships: { workspace: { data: { id: place.workspaceId, type: "workspace" } } },
            },
          },
        });
        expect(answer.status, JSON.stringify(answer.body)).toBe(201);
        relationships = { auth_client: { data: { id: answer.body.data.id, type: "auth-client" } } };
      }
      const answer = await call(CREATE_SECRET, {
        method: "POST",
        params: { workspaceId: place.workspaceId },
        as: owner.basic,
        json: {
          data: {
            type: "auth-secret",
            attributes: { name: `Of ${type}`, ...(type === "oauth2" ? {} : { type }), credentials },
            relationships,
          },
        },
      });
      expect(answer.status, `${type} ${JSON.stringify(answer.body)}`).toBe(201);
      const secretId = answer.body.data.id;
      made += 1;
      await call(DELETE_SECRET, {
        method: "DELETE",
        params: { workspaceId: place.workspaceId, secretId },
        as: owner.basic,
      });
    }
    await database.owner`update webhook_events set at = at - interval '1 minute'`;
    // One message of a webhook at a time.
    while ((await hooks.round()) > 0);
    expect(receiver.arrived.reduce((sum, { json }) => sum + json.data.count, 0)).toBe(2 * made);
    const seen = JSON.stringify([receiver.arrived, await hooks.log(id)]);
    expect(planted.find(seen)).toEqual([]);
  });
});
