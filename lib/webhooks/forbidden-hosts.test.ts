import { afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { Egress } from "@/lib/egress/safe-fetch";
import { forget, install } from "@/lib/process";
import { makePerson, makePlace, OWNER, type Person, type Place } from "@/lib/testing/callers";
import { useCanary } from "@/lib/testing/canary";
import { useDatabase } from "@/lib/testing/database";
import { FORBIDDEN_HOSTS, resolveForbidden } from "@/lib/testing/forbidden-hosts";
import { webhookCalls } from "@/lib/testing/webhook-world";

/** Deliveries to every place where no request may go (FAULTS C11, SS-2, SS-3, SS-5), past what the form already refuses. */
const database = useDatabase();
let place: Place;
let owner: Person;
const hooks = webhookCalls(() => ({ place, auth: owner.basic, database }));

const canary = useCanary();
let used: Egress | undefined;

beforeAll(async () => {
  place = await makePlace();
  owner = await makePerson(place, OWNER);
});
beforeEach(async () => {
  await database.owner`delete from sign_in_failures`;
});
afterEach(async () => {
  await used?.close();
  used = undefined;
  forget("webhook-egress");
});

function wayOut(options: ConstructorParameters<typeof Egress>[0]): void {
  used = install("webhook-egress", new Egress({ ports: [443, 80, 8443, canary.port], ...options }));
}

/** A webhook whose address is this, as it would be after its name's owner changed his mind; tested. */
async function deliver(id: string, url: string): Promise<string> {
  await database.owner`update webhooks set url = ${url} where id = ${id}`;
  await database.owner`delete from sign_in_failures`;
  const { status, body } = await hooks.test(id);
  expect(status, JSON.stringify(body)).toBe(200);
  return body.data.attributes.error?.code ?? "delivered";
}

it("reach none of over 150 spellings of forbidden places", { timeout: 300_000 }, async () => {
  const { id } = await hooks.add({ url: "https://receiver.example.com/" });
  wayOut({ resolve: resolveForbidden });
  for (const host of FORBIDDEN_HOSTS)
    for (const scheme of ["https", "http"]) {
      const url = `${scheme}://${host}:${canary.port}`;
      if (URL.canParse(url)) expect([url, await deliver(id, url)]).toEqual([url, "unreachable"]);
      // The form refuses what needs no look-up, and nothing is stored that is no URL.
      else expect([url, (await hooks.patch(id, { url })).status]).toEqual([url, 400]);
    }
  expect(canary.hits).toBe(0);
});

it("are refused by the form where the address says it all", async () => {
  for (const url of [
    "http://127.0.0.1/",
    "https://[::1]/",
    "https://2130706433/",
    "https://169.254.169.254/",
    "https://me:pw@example.com/",
    "ftp://example.com/",
    "https://example.com/#x",
    "nothing",
  ])
    expect([url, (await hooks.create({ url })).body.errors?.[0].source?.pointer]).toEqual([
      url,
      "/data/attributes/url",
    ]);
});

it("would reach them if they were listed", async () => {
  const { id } = await hooks.add({ url: "https://listed.example.com/" });
  wayOut({ resolve: resolveForbidden, allow: ["localhost"] });
  for (const host of ["127.0.0.1", "2130706433", "[::ffff:7f00:1]", "private.test"])
    await deliver(id, `http://${host}:${canary.port}`);
  expect(canary.hits).toBeGreaterThanOrEqual(4);
});

it("gain nothing from a name that rebinds, in 250 tries", { timeout: 300_000 }, async () => {
  const { id } = await hooks.add({ url: "https://rebinding.example.com/" });
  let looked = 0;
  wayOut({
    resolve: async () => {
      looked += 1;
      return looked % 2 ? ["192.0.2.1", "127.0.0.1"] : ["127.0.0.1"];
    },
  });
  for (let i = 0; i < 250; i++) expect(await deliver(id, `https://rebind${i}.test:${canary.port}`)).toBe("unreachable");
  expect(looked).toBeGreaterThanOrEqual(250);
  expect(canary.hits).toBe(0);
});

it.each([301, 302, 303, 307, 308])("do not follow a redirect (%d) to one", async (status) => {
  const { id } = await hooks.add({ url: "https://redirecting.example.com/" });
  wayOut({ allow: [canary.allowed] });
  expect(await deliver(id, `http://${canary.allowed}/redirect-${status}`)).toBe("redirected");
  expect(canary.asked).toBe(1);
  expect(canary.hits).toBe(0);
});
