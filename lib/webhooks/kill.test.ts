import { Webhook } from "standardwebhooks";
import { expect, test } from "vitest";
import { POST as CREATE_SECRET } from "@/app/v2/workspaces/[workspaceId]/secrets/route";
import { call } from "@/lib/testing/http";
import { useOAuthWorld } from "@/lib/testing/oauth-world";
import { Crew, until } from "@/lib/testing/storm/crew";
import { useReceiver } from "@/lib/testing/webhook-receiver";
import { webhookCalls } from "@/lib/testing/webhook-world";

/** Workers as processes of their own, one of them killed with kill -9 while the receiver has its message and has not answered. */
const world = useOAuthWorld();
const receiver = useReceiver();
const crew = new Crew(world);
const hooks = webhookCalls(() => ({ place: world.place, auth: world.owner.basic, database: world.database }));

test("what a killed worker was delivering, and what happened meanwhile, is delivered by the next one", async () => {
  const hook = await hooks.add({ url: receiver.url, events: ["secret.created"] });
  const add = (name: string) =>
    call(CREATE_SECRET, {
      method: "POST",
      params: { workspaceId: world.place.workspaceId },
      as: world.owner.basic,
      json: {
        data: { type: "auth-secret", attributes: { name, type: "password", credentials: { password: "x" } } },
      },
    });
  const held: (() => void)[] = [];
  receiver.respond = (_message, response) => void held.push(() => response.writeHead(204).end());
  await add("First");
  await hooks.later("11 s");
  const first = await crew.worker();
  await until(() => held.length === 1, "the first attempt");
  first.kill("SIGKILL");
  await first.ended;
  await add("Second");
  await hooks.later("61 s");

  receiver.respond = (_message, response) => void response.writeHead(204).end();
  // Two at once: each message is still taken by one of them.
  await Promise.all([crew.worker(), crew.worker()]);
  await until(async () => (await hooks.log(hook.id)).length === 2, "both messages");
  await until(
    async () =>
      (await hooks.log(hook.id)).every(
        (one: { attributes: { state: string } }) => one.attributes.state === "delivered",
      ),
    "both deliveries",
  );
  const names = receiver.arrived.map(({ json }) => json.data.secrets[0].name);
  expect(names.sort()).toEqual(["First", "First", "Second"]);
  const again = receiver.arrived.filter(({ json }) => json.data.secrets[0].name === "First");
  expect(new Set(again.map((one) => one.headers["webhook-id"])).size).toBe(1);
  expect(new Set(again.map((one) => one.body)).size).toBe(1);
  for (const one of receiver.arrived) new Webhook(hook.signing).verify(one.body, one.headers);
}, 120_000);
