import { expect, it } from "vitest";
import { openOAuthClient } from "@/lib/auth-clients/service";
import type { OwnRequest } from "@/lib/oauth/grants/grant";
import { useOAuthWorld } from "@/lib/testing/oauth-world";
import { refresher } from "./live-world";
import { tryRequest } from "./try-request";

/** A person's patience, which ends long before a provider's time does, says nothing about the provider (REFRESH section 6). */
const world = useOAuthWorld();
const OWN: OwnRequest = { scope: null, additionalParams: {}, login: null };

async function tries(count: number, waitMs: number): Promise<string[]> {
  const { tenantId } = world.place;
  const client = await openOAuthClient(tenantId, await world.addAskingClient());
  if (!client) throw new Error("no client");
  const ask = () => tryRequest(client, OWN, { tenantId, waitMs, witness: () => {} });
  const kinds = [];
  for (let n = 0; n < count; n++) kinds.push((await ask()).kind);
  return kinds;
}
const host = () =>
  refresher()
    .hosts.states()
    .find((one) => one.host === new URL(world.idp.url).host);

it("that takes longer than somebody waits keeps its room until it is answered, and does not count against the provider", async () => {
  let answer = () => {};
  world.idp.hold = new Promise((resolve) => {
    answer = resolve;
  });
  expect(await tries(20, 100)).toContain("slow");
  expect(host()?.circuit).toBe("closed");
  expect(host()?.inFlight).toBeGreaterThan(0);
  answer();
  await expect.poll(host, { timeout: 10_000 }).toMatchObject({ inFlight: 0, circuit: "closed" });
});

it("that could not be sent in time does not count against the provider", async () => {
  const before = world.idp.calls.length;
  await tries(20, 0);
  await expect.poll(host, { timeout: 10_000 }).toMatchObject({ inFlight: 0, circuit: "closed" });
  expect(world.idp.calls.length).toBe(before);
});
