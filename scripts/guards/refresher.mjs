const SQL = "drizzle/refresher.sql";
const PACE = "lib/refresher/pace.test.ts";

/** @type {import("./all.mjs").Guard[]} */
export const refresher = [
  {
    row: "SS-9",
    what: "other processes hear of a repaired client",
    file: SQL,
    find: "    PERFORM pg_notify('latchkey_client', row.tenant_id || ' ' || row.auth_client_id);",
    replace: "    NULL;",
    tests: ["lib/db/notifications.test.ts"],
  },
  {
    row: "SS-9",
    what: "other processes hear of an edited client",
    file: SQL,
    find: "    PERFORM pg_notify('latchkey_client', row.tenant_id || ' ' || row.id);",
    replace: "    NULL;",
    tests: ["lib/db/notifications.test.ts"],
  },
  {
    row: "SS-9",
    what: "a claim leaves out whom a provider told to slow down",
    file: SQL,
    find: `       AND (t.not_before IS NULL OR t.not_before <= now())
       AND NOT EXISTS (SELECT 1 FROM token_pace p WHERE p.tenant_id = t.tenant_id
                          AND p.auth_client_id = t.auth_client_id AND p.blocked_until > now())
       AND NOT EXISTS`,
    replace: `       AND (t.not_before IS NULL OR t.not_before <= now())
       AND NOT EXISTS`,
    tests: [PACE],
  },
  {
    row: "SS-9",
    what: "a refresh on demand leaves alone whom a provider told to slow down",
    file: SQL,
    find: `t.sent_at <= now() - interval '@SLOWEST_MS@ ms')))
     AND NOT EXISTS (SELECT 1 FROM token_pace p WHERE p.tenant_id = t.tenant_id
                        AND p.auth_client_id = t.auth_client_id AND p.blocked_until > now())`,
    replace: "t.sent_at <= now() - interval '@SLOWEST_MS@ ms')))",
    tests: [PACE],
  },
  {
    row: "SS-9",
    what: "the guard leaves alone whom a provider told to slow down",
    file: SQL,
    find: `     -- Somebody else's Retry-After counts up to this moment.
     AND NOT EXISTS (SELECT 1 FROM token_pace p WHERE p.tenant_id = t.tenant_id
                        AND p.auth_client_id = t.auth_client_id AND p.blocked_until > now())`,
    replace: "",
    tests: [PACE],
  },
  {
    row: "SS-9",
    what: "who waits for a pace asks again soon",
    file: "lib/refresher/pace.ts",
    find: "Math.min(Math.max(startMs, blockedMs), AGAIN_MS)",
    replace: "Math.max(startMs, blockedMs)",
    tests: [PACE],
  },
  {
    row: "SS-9",
    what: "room for what a person waits for, at one host",
    file: "lib/egress/rooms.ts",
    find: "this.limits.perHost],",
    replace: "1e9],",
    tests: ["lib/egress/rooms.test.ts"],
  },
  {
    row: "SS-9",
    what: "one holder's part of that room",
    file: "lib/egress/rooms.ts",
    find: "this.limits.perHolderAtHost],",
    replace: "1e9],",
    tests: ["lib/egress/rooms.test.ts"],
  },
  {
    row: "SS-9",
    what: "one holder's room over all hosts",
    file: "lib/egress/rooms.ts",
    find: "this.limits.perHolder],",
    replace: "1e9],",
    tests: ["lib/egress/rooms.test.ts"],
  },
  {
    row: "SS-9",
    what: "the code exchange takes a room",
    file: "lib/oauth/flow.ts",
    find: "const leave = rooms().enter(client.options.token_uri, attempt.tenantId, attempt.stateMac);",
    replace: "const leave = () => {};",
    tests: ["app/api/oauth/_tests/refusals.test.ts"],
  },
  {
    row: "SS-9",
    what: "discovery takes a room",
    file: "lib/oauth/discovery.ts",
    find: "const leave = rooms().enter(issuer, holder);",
    replace: "const leave = () => {};",
    tests: ["lib/oauth/discovery.test.ts"],
  },
  {
    row: "SS-9",
    what: "each call of an attempt counts towards the effort of an expiry",
    file: SQL,
    find: "CASE WHEN r.counts THEN greatest(1, r.calls) ELSE 0 END",
    replace: "CASE WHEN r.counts THEN 1 ELSE 0 END",
    tests: ["lib/refresher/effort.test.ts"],
  },
  {
    row: "C4",
    what: "a lease has one holder",
    file: SQL,
    find: `     AND (t.lease_holder IS NULL OR t.lease_until < now())
     AND (t.refresh_due_at <= now() OR t.generation = p_generation`,
    replace: "     AND (t.refresh_due_at <= now() OR t.generation = p_generation",
    tests: ["lib/testing/storm/one-token.test.ts"],
  },
  {
    row: "C2",
    what: "an answer is landed until its commit is known",
    file: "lib/refresher/land.ts",
    find: "await untilDone(world, () => world.rows.land({ ...base, parentGeneration, sealed, sibling }))",
    replace: "await world.rows.land({ ...base, parentGeneration, sealed, sibling })",
    tests: ["lib/refresher/races.test.ts"],
    testName: "while an answer is in memory",
  },
  {
    row: "C6",
    what: "nothing is sent under a lease that somebody else has taken since",
    file: SQL,
    find: `t.lease_holder = r.holder AND t.fence = r.fence
     AND t.grant_id = r.grant_id AND t.generation = r.generation AND t.status IN ('active', 'suspect')
     AND t.lease_until > now() + interval '@GUARD_MS@ ms'`,
    replace: "t.grant_id = r.grant_id",
    tests: ["lib/refresher/races.test.ts"],
  },
  {
    row: "C28",
    what: "a claim leaves out the secrets of a rejected client",
    file: SQL,
    find: `       AND NOT EXISTS (SELECT 1 FROM auth_client_state c WHERE c.tenant_id = t.auth_client_tenant_id
                          AND c.auth_client_id = t.auth_client_id AND c.problem IS NOT NULL)
     ORDER BY t.refresh_due_at
     LIMIT p_limit`,
    replace: `     ORDER BY t.refresh_due_at
     LIMIT p_limit`,
    tests: ["lib/refresher/failures.test.ts"],
  },
];
