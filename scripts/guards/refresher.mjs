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
];
