import { Webhook } from "standardwebhooks";
import { afterEach, beforeAll, expect, test } from "vitest";
import { Egress } from "@/lib/egress/safe-fetch";
import { forget, install } from "@/lib/process";
import { makePerson, makePlace, OWNER, type Person, type Place } from "@/lib/testing/callers";
import { makeCertificate } from "@/lib/testing/certificates";
import { useDatabase } from "@/lib/testing/database";
import { useReceiver } from "@/lib/testing/webhook-receiver";
import { webhookCalls } from "@/lib/testing/webhook-world";

/** Deliveries over TLS: to whoever has a certificate for the name, and to nobody else. */
const database = useDatabase({ LATCHKEY_EGRESS_ALLOW: "127.0.0.1" });
const certificate = makeCertificate("IP:127.0.0.1");
const receiver = useReceiver(certificate);
let place: Place;
let owner: Person;
let way: Egress;
const hooks = webhookCalls(() => ({ place, auth: owner.basic, database }));

beforeAll(async () => {
  place = await makePlace();
  owner = await makePerson(place, OWNER);
});
afterEach(async () => {
  forget("webhook-egress");
  await way.close();
});

const trusting = (ca?: string) => {
  way = install("webhook-egress", new Egress({ allow: ["127.0.0.1"], ...(ca ? { ca } : {}) }));
};

test("a message arrives, signed, at a receiver whose certificate is trusted", async () => {
  trusting(certificate.cert);
  const { id, signing } = await hooks.add({ url: `${receiver.url}/tls` });
  expect((await hooks.test(id)).body.data.attributes).toMatchObject({ state: "delivered", status: 204 });
  const [arrived] = receiver.arrived;
  expect(new Webhook(signing).verify(arrived?.body ?? "", arrived?.headers ?? {})).toMatchObject({
    type: "webhook.test",
  });
});

test("nothing is sent to one whose certificate is not", async () => {
  trusting();
  const { id } = await hooks.add({ url: receiver.url });
  expect((await hooks.test(id)).body.data.attributes).toMatchObject({
    state: "failed",
    status: null,
    error: { code: "unreachable", detail: "The receiver could not be reached." },
  });
  expect(receiver.arrived).toEqual([]);
});
