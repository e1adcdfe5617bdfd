import { describe, expect, it } from "vitest";
import { useOAuthWorld } from "@/lib/testing/oauth-world";
import { runAttempt } from "./ensure-fresh";
import { refresher } from "./live-world";

/** How often a provider is asked that goes on failing (REFRESH section 6, "total effort per expiry"; I6, I7, I9). */
const world = useOAuthWorld();

/** One round of the sweep: leases what is due and runs it. */
async function sweepOnce(): Promise<void> {
  await Promise.all((await refresher().world.rows.claim(200, [])).map((lease) => runAttempt(lease, null)));
}

async function dueNow(secretId: string): Promise<void> {
  await world.database
    .owner`update token_state set refresh_due_at = now() - interval '1 s' where secret_id = ${secretId}`;
}

const attributesOf = async (secretId: string) => (await world.read(secretId)).body.data.attributes;

describe("a trouble that does not end", () => {
  const tired = async (failures: number, deadHours: number) => {
    const secret = await world.addSecret();
    await world.database.owner`
      update token_state set failures = ${failures}, expires_at = now() - ${deadHours} * interval '1 h',
        refresh_due_at = now() - interval '1 s' where secret_id = ${secret.id}`;
    return secret;
  };
  const sentAgo = (secretId: string, minutes: number) =>
    world.database
      .owner`update token_state set sent_at = now() - ${minutes} * interval '1 min' where secret_id = ${secretId}`;

  /** As a person's "refresh now", past the provider's circuit, which would open. */
  async function insist(secretId: string): Promise<void> {
    const { rows } = refresher().world;
    const lease = await rows.acquire(
      { tenantId: world.place.tenantId, secretId },
      { validityMs: 0, generation: 1, insist: true },
    );
    if (lease) await runAttempt(lease, null);
  }

  it("is asked about twelve times an expiry, then once in ten minutes, whoever insists", async () => {
    const secret = await world.addSecret();
    await world.makeDue(secret.id);
    world.idp.always({ error: { status: 500 } });
    for (let n = 0; n < 30; n++) await insist(secret.id);
    expect(world.idp.refreshCalls()).toHaveLength(12);
    await sentAgo(secret.id, 9);
    await insist(secret.id);
    expect(world.idp.refreshCalls()).toHaveLength(12);
    await sentAgo(secret.id, 11);
    await insist(secret.id);
    expect(world.idp.refreshCalls()).toHaveLength(13);
    expect(await world.state(secret.id)).toMatchObject({ status: "active", failures: 13 });
    world.idp.always(null);
    await sentAgo(secret.id, 11);
    await insist(secret.id);
    expect(await world.state(secret.id)).toMatchObject({ status: "active", failures: 0, generation: 2 });
  });

  it("counts calls, not attempts: the second way of authenticating, and other refresh tokens, are calls too", async () => {
    // A client whose way of authenticating is not known yet.
    const clientId = await world.addClient();
    const secret = await world.addSecret({}, { clientId });
    await world.makeDue(secret.id);
    for (let n = 0; n < 20; n++)
      world.idp.next({ error: { status: 401, code: "invalid_client" } }, { error: { status: 500 } });
    for (let n = 0; n < 20; n++) await insist(secret.id);
    expect(world.idp.refreshCalls()).toHaveLength(12);
    expect(await world.state(secret.id)).toMatchObject({ failures: 12 });

    const another = await world.addSecret({}, { clientId });
    world.idp.reset();
    await world.refresh(another.id);
    // A presentation of the first refresh token whose answer nobody saw: it may have a child, so it is tried after a refusal.
    await world.database.owner`update token_state set lost_generation = 1 where secret_id = ${another.id}`;
    await world.makeDue(another.id);
    world.idp.calls.length = 0;
    world.idp.next({ error: { code: "invalid_grant" } }, { error: { status: 500 } });
    await sweepOnce();
    expect(world.idp.refreshCalls()).toHaveLength(2);
    expect(await world.state(another.id)).toMatchObject({ failures: 2 });
  });

  it("becomes suspect a day after the access token died: probed hourly, never dead by itself", async () => {
    const secret = await tired(12, 25);
    world.idp.always({ error: { status: 500 } });
    await sweepOnce();
    expect(await world.state(secret.id)).toMatchObject({ status: "suspect", suspect_since: null, failures: 13 });
    expect((await world.state(secret.id)).due_in_s).toBeGreaterThanOrEqual(3_599);
    const answer = await world.token(secret.id);
    expect(answer.status).toBe(424);
    expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(3_590);
    expect(answer.body.errors[0].meta.problem).toMatchObject({ code: "provider_failing" });
    expect(answer.body.errors[0].meta.problem.detail).toContain("once an hour");
    expect(await attributesOf(secret.id)).toMatchObject({ status: "retrying", state: "ready" });
    expect(world.idp.refreshCalls()).toHaveLength(1);
    for (let n = 0; n < 3; n++) {
      await dueNow(secret.id);
      await sweepOnce();
    }
    expect(await world.state(secret.id)).toMatchObject({ status: "suspect", failures: 16 });
    // I6: the provider is back.
    world.idp.always(null);
    await dueNow(secret.id);
    await sweepOnce();
    expect(await world.state(secret.id)).toMatchObject({
      status: "active",
      failures: 0,
      problem: null,
      generation: 2,
    });
  });

  it("and then is refused needs two refusals to be dead, as ever (I7)", async () => {
    const secret = await tired(12, 25);
    world.idp.next({ error: { status: 500 } });
    await sweepOnce();
    world.idp.always({ error: { code: "invalid_grant" } });
    await dueNow(secret.id);
    await sweepOnce();
    expect(await world.state(secret.id)).toMatchObject({ status: "suspect" });
    await world.database
      .owner`update token_state set suspect_since = now() - interval '1 min' where secret_id = ${secret.id}`;
    await dueNow(secret.id);
    await sweepOnce();
    expect(await world.state(secret.id)).toMatchObject({ status: "dead" });
  });

  it("is no reason for it while the calls of this expiry are not used up, nor before the day is over", async () => {
    const [fresh, recent] = [await tired(0, 25), await tired(12, 23)];
    world.idp.always({ error: { status: 500 } });
    await sweepOnce();
    for (const secret of [fresh, recent]) expect(await world.state(secret.id)).toMatchObject({ status: "active" });
    expect((await world.state(fresh.id)).due_in_s).toBeLessThan(1.3);
    expect((await world.state(recent.id)).due_in_s).toBeGreaterThan(590);
  });
});
