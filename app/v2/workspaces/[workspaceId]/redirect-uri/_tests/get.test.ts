import { expect, test } from "vitest";
import { make, oauth2Body, placedAt, useWorld } from "@/app/v2/auth-clients/_tests/world";
import { GET } from "@/app/v2/workspaces/[workspaceId]/redirect-uri/route";
import { inTenant } from "@/lib/db/tx";
import { newId } from "@/lib/ids";
import { releaseSecretName, reserveSecretName } from "@/lib/oauth/redirect-names";
import { call } from "@/lib/testing/http";

const world = useWorld();

async function ask(as: Record<string, string>, query: string, workspaceId = world.place.workspaceId) {
  return call(GET as never, {
    url: `/v2/workspaces/${workspaceId}/redirect-uri?${query}`,
    params: { workspaceId },
    as,
  });
}

async function owner() {
  const { tenantId, workspaceId } = world.place;
  const [row] = await world.database.owner<{ redirect_code: string }[]>`
    select redirect_code from workspaces where id = ${workspaceId}`;
  return { tenantId, ownerId: workspaceId, code: row?.redirect_code ?? "" };
}

const reserve = async (name: string, contextId = newId()) => {
  const context = { ...(await owner()), name, contextKind: "secret" as const, contextId };
  return inTenant(world.place.tenantId, (tx) => reserveSecretName(tx, context));
};

test("the preview is what saving gives, collisions included, and keeps nothing", async () => {
  const { code } = await owner();
  for (const expected of ["my-mail", "my-mail-2", "my-mail-3"]) {
    const { status, body } = await ask(world.integrator.basic, `name=${encodeURIComponent(" My Mail! ")}`);
    expect(status).toBe(200);
    expect(body.data).toEqual({
      id: null,
      type: "redirect-uri",
      attributes: {
        secret_name: `${expected}.${code}`,
        redirect_uri: `http://latchkey.test/api/oauth/callback/${expected}.${code}`,
      },
    });
    expect(await reserve("My Mail!")).toBe(`${expected}.${code}`);
  }
});

test("a client that shares one URI gives that URI; one of another tenant is unknown", async () => {
  const id = await make(
    world.owner.basic,
    oauth2Body(placedAt(world.place, "contract"), { redirect_uri_per: "client" }, "Shared"),
  );
  const { body } = await ask(world.integrator.basic, `name=Mail&auth_client=${id}`);
  expect(body.data.attributes.secret_name).toMatch(/^shared\./);
  const foreign = await make(
    world.stranger.basic,
    oauth2Body(placedAt(world.foreign, "tenant"), { redirect_uri_per: "client" }, "Foreign"),
  );
  expect((await ask(world.integrator.basic, `name=Mail&auth_client=${foreign}`)).status).toBe(404);
});

test("a bad name is 400, no right 403, another tenant's workspace 404", async () => {
  for (const query of ["", "name=", `name=${"x".repeat(201)}`, "name=x&more=1"])
    expect([query, (await ask(world.integrator.basic, query)).status]).toEqual([query, 400]);
  expect((await ask(world.guest.basic, "name=x")).status).toBe(403);
  expect((await ask(world.owner.basic, "name=x", world.foreign.workspaceId)).status).toBe(404);
});

test("long names are cut, so that the number still fits; a freed name is given again", async () => {
  const long = "n".repeat(200);
  const first = newId();
  expect((await reserve(long, first)).split(".")[0]).toBe("n".repeat(64));
  const second = (await reserve(long)).split(".")[0] ?? "";
  expect(second).toBe(`${"n".repeat(62)}-2`);
  await inTenant(world.place.tenantId, (tx) => releaseSecretName(tx, first));
  expect((await reserve(long)).split(".")[0]).toBe("n".repeat(64));
});

test("a name that ends in a number does not collide with a numbered one", async () => {
  const { code } = await owner();
  expect(await reserve("Team 2")).toBe(`team-2.${code}`);
  expect(await reserve("Team")).toBe(`team.${code}`);
  expect(await reserve("Team")).toBe(`team-3.${code}`);
});

test("thirty at once for one name get thirty names, secrets and clients alike", async () => {
  const names = await Promise.all(Array.from({ length: 30 }, () => reserve("Crowd")));
  expect(new Set(names).size).toBe(30);
});
