import { createServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { useOAuthWorld } from "@/lib/testing/oauth-world";
import { useReceiver } from "@/lib/testing/webhook-receiver";
import { webhookCalls } from "@/lib/testing/webhook-world";
import { attempt, holder } from "./attempt";
import { claim, type Lease } from "./delivery-store";
import { gather } from "./gather";
import { LEASE_MS } from "./policy";

/** Receivers that mean ill, and webhooks that change while a message is on its way. */
const world = useOAuthWorld();
const receiver = useReceiver();
const hooks = webhookCalls(() => ({ place: world.place, auth: world.owner.basic, database: world.database }));
const { addPassword } = hooks;
let ill: Server | undefined;
const sockets = new Set<Socket>();

beforeEach(async () => {
  for (const table of ["webhooks", "webhook_events", "webhook_deliveries", "webhook_marks"])
    await world.database.owner`delete from ${world.database.owner(table)}`;
});
afterEach(() => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  ill?.close();
  ill = undefined;
});

/** Something happened, and its message is leased by this process and not sent yet. */
async function leased(): Promise<Lease> {
  await addPassword();
  await hooks.later("11 s");
  await gather();
  const [lease] = await claim(holder(), 1, [], LEASE_MS);
  if (!lease) throw new Error("Nothing was due.");
  return lease;
}

describe("between the lease and the sending", () => {
  test("a webhook that was deleted, or switched off, is sent nothing", async () => {
    const events = ["secret.created"];
    const gone = await hooks.add({ url: receiver.url, events });
    const first = await leased();
    await hooks.remove(gone.id);
    await attempt(first);
    const off = await hooks.add({ url: receiver.url, events });
    const second = await leased();
    await hooks.patch(off.id, { enabled: false });
    await attempt(second);
    expect(receiver.arrived).toEqual([]);
    expect((await hooks.log(off.id))[0].attributes).toMatchObject({ state: "failed", error: { code: "off" } });
  });

  test("one that got another address is sent its message there, and the old one none", async () => {
    const hook = await hooks.add({ url: `${receiver.url}/old`, events: ["secret.created"] });
    const lease = await leased();
    expect((await hooks.patch(hook.id, { url: `${receiver.url}/new` })).status).toBe(200);
    await attempt(lease);
    expect(receiver.arrived).toEqual([]);
    await hooks.later("61 s");
    await hooks.round();
    expect(receiver.arrived.map(({ path }) => path)).toEqual(["/new"]);
  });

  test("one that lost its authenticating secret is not sent it", async () => {
    const secret = await addPassword("Taken away", { allowed_hosts: [receiver.host] });
    const hook = await hooks.add({ url: receiver.url, events: ["secret.created"] }, secret);
    const lease = await leased();
    expect((await hooks.patch(hook.id, {}, null)).status).toBe(200);
    await attempt(lease);
    expect(receiver.arrived).toEqual([]);
    await hooks.later("61 s");
    await hooks.round();
    expect(receiver.arrived.map(({ all }) => all.authorization)).toEqual([undefined]);
  });
});

test("a message whose attempts all ended with their process is given up unsent once its time is over", async () => {
  const hook = await hooks.add({ url: receiver.url, events: ["secret.created"] });
  await leased();
  await world.database.owner`update webhook_deliveries set attempts = 11`;
  await hooks.later("35 hours");
  expect(await hooks.round()).toBe(1);
  expect(receiver.arrived).toHaveLength(1);
  expect((await hooks.log(hook.id))[0].attributes).toMatchObject({ state: "delivered", attempts: 12 });

  await leased();
  await world.database.owner`update webhook_deliveries set attempts = 11 where state = 'pending'`;
  await hooks.later("37 hours");
  expect(await hooks.round()).toBe(1);
  expect(receiver.arrived).toHaveLength(1);
  expect((await hooks.log(hook.id))[0].attributes).toMatchObject({ state: "failed", error: { code: "no_answer" } });
});

test("receivers that never answer, drip their headers or go on saying 103 are left after their time", {
  timeout: 60_000,
}, async () => {
  const kinds = ["silent", "dripping", "informing", "endless"] as const;
  ill = createServer((socket) => {
    sockets.add(socket.on("error", () => socket.destroy()));
    socket.once("data", (asked) => {
      const kind = kinds.find((one) => asked.toString("latin1").includes(`/${one} `));
      const say = (text: string, everyMs: number) => {
        const timer = setInterval(() => socket.write(text), everyMs);
        socket.once("close", () => clearInterval(timer));
      };
      if (kind === "dripping") {
        socket.write("HTTP/1.1 200 OK\r\n");
        say("x", 300);
      }
      if (kind === "informing") say("HTTP/1.1 103 Early Hints\r\n\r\n", 50);
      if (kind === "endless") {
        socket.write("HTTP/1.1 200 OK\r\n");
        say(`X-More: ${"x".repeat(1_000)}\r\n`, 5);
      }
    });
  });
  await new Promise<void>((resolve) => ill?.listen(0, "127.0.0.1", resolve));
  const address = ill.address();
  const port = typeof address === "object" && address ? address.port : 0;
  const ids = await Promise.all(
    kinds.map(
      async (kind) => (await hooks.add({ url: `http://127.0.0.1:${port}/${kind}`, events: ["secret.created"] })).id,
    ),
  );
  await addPassword();
  await hooks.later("11 s");
  expect(await hooks.round()).toBe(kinds.length);
  const became = await Promise.all(ids.map(async (id) => (await hooks.log(id))[0].attributes));
  expect(became.map(({ state, error }) => [state, error.code])).toEqual([
    ["pending", "too_slow"],
    ["pending", "too_slow"],
    ["pending", "too_slow"],
    ["pending", "no_answer"],
  ]);
  // None of them keeps a connection.
  await expect.poll(() => [...sockets].filter((socket) => !socket.destroyed).length, { timeout: 5_000 }).toBe(0);
});
