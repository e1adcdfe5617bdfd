import { REDIRECTS, UNJUDGED_NAMES } from "./ss.mjs";

const SERVICE = "lib/webhooks/service.ts";
const ATTEMPT = "lib/webhooks/attempt.ts";
const SQL = "drizzle/webhooks.sql";
const API = ["app/v2/workspaces/_tests/webhooks.test.ts"];
const DELIVERING = ["lib/webhooks/delivering.test.ts"];
const AUTHENTICATION = ["lib/webhooks/authentication.test.ts"];
const HOSTS = ["lib/webhooks/forbidden-hosts.test.ts"];

/** @type {import("./all.mjs").Guard[]} */
export const webhooks = [
  {
    row: "AZ-3",
    what: "who gives a webhook a secret may use it",
    file: SERVICE,
    find: '  await permit(caller, USE, scope, { type: "auth-secret", id: secretId });\n',
    replace: "",
    also: [
      {
        file: SERVICE,
        find: "[permission, ...(secretId === null ? [] : [USE])]",
        replace: "[permission]",
      },
    ],
    tests: API,
  },
  {
    row: "AZ-9",
    what: "a webhook's secret goes to no other address without being chosen again",
    file: SERVICE,
    find: "if (moves && row.authSecretId !== null && chosen === undefined)",
    replace: "if (moves && row.authSecretId === '' && chosen === undefined)",
    tests: API,
  },
  {
    row: "AZ-9",
    what: "another address of a webhook has a signing secret of its own",
    file: SERVICE,
    find: "const signing = moves ? newSigningSecret() : undefined;",
    replace: "const signing = row.url === '' ? newSigningSecret() : undefined;",
    tests: API,
  },
  {
    row: "PX-1",
    what: "a webhook takes only a secret that is allowed at its address",
    file: SERVICE,
    find: "if (!isAllowed(entriesFor(asked), row.allowedHosts))",
    replace: "if (url === '' && !isAllowed(entriesFor(asked), row.allowedHosts))",
    tests: API,
  },
  {
    row: "SS-2",
    what: "what a webhook's name resolves to is judged at each delivery",
    ...UNJUDGED_NAMES,
    tests: HOSTS,
    testName: "reach none",
  },
  {
    row: "SS-3",
    what: "webhooks have no way out of their own that leads further",
    file: ATTEMPT,
    find: "    { egress: webhookEgress(), headersTimeoutMs: ATTEMPT_MS },",
    replace:
      '    { egress: once("open", () => new Egress({ allow: ["0.0.0.0/0", "::/0"] })), headersTimeoutMs: ATTEMPT_MS },',
    tests: HOSTS,
    testName: "reach none",
  },
  { row: "SS-5", what: "a webhook follows no redirect", ...REDIRECTS, tests: HOSTS, testName: "redirect" },
  {
    row: "SS-6",
    what: "the form takes no address that says by itself that it is forbidden",
    file: "lib/webhooks/resource.ts",
    find: "checkLiteral(text) ??",
    replace: '(URL.canParse(text) ? null : "must be a URL") ??',
    tests: HOSTS,
    testName: "by the form",
  },
  {
    row: "SS-7",
    what: "a receiver's answer is not read",
    file: ATTEMPT,
    find: "await answer.body?.return();",
    replace: "for await (const _chunk of answer.body ?? []);",
    tests: DELIVERING,
    testName: "costs no memory",
  },
  {
    row: "webhooks",
    what: "who slept while the lease lapsed sends nothing",
    file: ATTEMPT,
    find: 'if (!(await rows.guard(lease, holder(), LEASE_MS))) return "lost";',
    replace: "await rows.guard(lease, holder(), LEASE_MS);",
    tests: DELIVERING,
    testName: "slept",
  },
  {
    row: "webhooks",
    what: "a message that is leased is leased to nobody else",
    file: SQL,
    find: "     ORDER BY f.next_attempt_at LIMIT p_limit FOR UPDATE OF d SKIP LOCKED)",
    replace: "     ORDER BY f.next_attempt_at LIMIT p_limit)",
    tests: DELIVERING,
    testName: "of twenty",
  },
  {
    row: "webhooks",
    what: "a token that is being renewed is not said to end",
    file: SQL,
    find: "                          AND c.auth_client_id = k.auth_client_id AND c.problem IS NOT NULL)\n     LIMIT p_limit FOR UPDATE OF k SKIP LOCKED\n",
    replace:
      "                          AND c.auth_client_id = k.auth_client_id AND c.problem IS NOT NULL)\n     LIMIT p_limit\n",
    tests: ["lib/webhooks/happenings.test.ts"],
    testName: "being renewed",
  },
  {
    row: "webhooks",
    what: "trouble is told once",
    file: SQL,
    find: "  IF FOUND THEN\n    PERFORM latchkey_webhook_tell(p_event,",
    replace: "  IF true THEN\n    PERFORM latchkey_webhook_tell(p_event,",
    tests: ["lib/webhooks/happenings.test.ts"],
  },
  {
    row: "webhooks",
    what: "who lost the lease while a token was renewed sends nothing more",
    file: ATTEMPT,
    find: 'if (!(await rows.guard(lease, holder(), LEASE_MS))) return "lost";',
    replace: "await rows.guard(lease, holder(), LEASE_MS);",
    tests: AUTHENTICATION,
    testName: "lapsed",
  },
  {
    row: "webhooks",
    what: "a webhook is not told that its own token was refused",
    file: SQL,
    find: "     AND NOT (p_event = 'secret.refused' AND w.auth_secret_id IS NOT DISTINCT FROM p_secret)\n",
    replace: "",
    tests: AUTHENTICATION,
    testName: "goes on",
  },
  {
    row: "AZ-9",
    what: "a webhook that was moved is sent nothing at the old address",
    file: SQL,
    find: "       AND w.url = p_url AND w.auth_secret_id IS NOT DISTINCT FROM p_secret\n",
    replace: "",
    tests: ["lib/webhooks/attacks.test.ts"],
    testName: "between the lease",
  },
  {
    row: "webhooks",
    what: "a message is not tried for ever",
    file: ATTEMPT,
    find: "isOver(lease.attempts, lease.ageMs)",
    replace: "lease.attempts < 0",
    tests: ["lib/webhooks/attacks.test.ts"],
    testName: "given up unsent",
  },
];
