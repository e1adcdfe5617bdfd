import { afterAll, beforeAll, expect, test } from "vitest";
import { useDatabase } from "@/lib/testing/database";
import { allRoutes, definedRoutes } from "@/lib/testing/routes";
import { useSqlThreads } from "@/lib/testing/sql-thread";
import { Lane } from "./lane";
import { listenWith } from "./server";

/**
 * C15: every endpoint, as its definition says it is, asked rightly, wrongly and oddly. Part of `npm test` with 20,000 requests;
 * `npm run test:fuzz -- --requests N --seed S` asks more, or the same again.
 */
// What a client or a token would lead to is this machine, where nobody listens.
useDatabase({ LATCHKEY_EGRESS_ALLOW: "127.0.0.1" });
useSqlThreads();
const requests = Number(process.env.LATCHKEY_FUZZ_REQUESTS ?? 20_000);
const seed = Number(process.env.LATCHKEY_FUZZ_SEED ?? 15);
const LANES = 4;

/** Redirects, or answered well only with what chance does not find: a set-up code, a state, a password, a provider, a fingerprint, a database. */
const NEVER_WELL = new Set([
  "GET /api/auth/{nextauth}",
  "POST /api/auth/{nextauth}",
  "GET /api/oauth/authorize/{secretId}",
  "GET /api/oauth/callback/{secretName}",
  "POST /api/setup",
  "POST /api/setup/check",
  "POST /v2/discovery",
  "POST /v2/users/me/password",
  "POST /v2/users/me/reauthenticate",
  "GET /v2/workspaces/{workspaceId}/secrets/{secretId}/authorization-failure",
  "POST /v2/workspaces/{workspaceId}/secrets/{secretId}/reveal",
  "POST /v2/workspaces/{workspaceId}/secrets/{secretId}/request",
  // Chance finds no endpoint that is open, or no secret of one that is not.
  ...["GET", "POST", "PATCH", "PUT", "DELETE"].map((method) => `${method} /inbound/{endpointId}/check`),
  // Nobody answers where they go.
  ...["GET", "POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS"].map(
    (method) => `${method} /outbound/{secretId}/{target}`,
  ),
  "POST /v2/workspaces/{workspaceId}/secrets/{secretId}/keys/rotate",
  "DELETE /v2/workspaces/{workspaceId}/secrets/{secretId}/keys/{kid}",
  "POST /v2/workspaces/{workspaceId}/secrets/{secretId}/jwt/sign",
  "POST /v2/workspaces/{workspaceId}/secrets/{secretId}/jwt/verify",
  "POST /v2/workspaces/{workspaceId}/secrets/{secretId}/jwt/encrypt",
  "POST /v2/workspaces/{workspaceId}/secrets/{secretId}/jwt/decrypt",
  "POST /v2/workspaces/{workspaceId}/secrets/{secretId}/sql",
  "POST /v2/workspaces/{workspaceId}/secrets/{secretId}/test",
  "POST /v2/workspaces/{workspaceId}/secret-test",
]);

const routes = await allRoutes();
const defined = await definedRoutes();
const unhandled: unknown[] = [];
const note = (reason: unknown) => void unhandled.push(reason);
let listening: Awaited<ReturnType<typeof listenWith>>;

beforeAll(async () => {
  process.on("unhandledRejection", note).on("uncaughtException", note);
  listening = await listenWith(routes);
});
afterAll(async () => {
  process.off("unhandledRejection", note).off("uncaughtException", note);
  await listening.close();
});

test(`${requests} requests from seed ${seed}: no 5xx, nothing unhandled, errors as promised, nothing wrong accepted`, {
  timeout: 60_000 + requests * 20,
}, async () => {
  const lanes = Array.from({ length: LANES }, (_, i) => new Lane(seed * 1000 + i, defined, listening.port));
  for (const lane of lanes) await lane.begin();
  await Promise.all(lanes.map((lane) => lane.run(Math.ceil(requests / LANES))));
  const findings = lanes.flatMap((lane) => lane.tally.findings);
  const kinds = new Map(findings.map((finding) => [finding.what, finding]));
  expect([...kinds.values()].slice(0, 20), `seed ${seed}: ${findings.length} findings`).toEqual([]);
  expect(unhandled).toEqual([]);
  if (requests < 5_000) return;
  // The fuzz reaches what it is for: every route was asked, and every one with a body of ours was once answered well.
  const good = new Set<string>();
  const asked = new Set<string>();
  for (const lane of lanes)
    for (const [route, classes] of lane.tally.classes) {
      asked.add(route);
      if (classes[2]) good.add(route);
    }
  expect(defined.map((r) => r.definition.route).filter((route) => !asked.has(route))).toEqual([]);
  expect(defined.map((r) => r.definition.route).filter((route) => !good.has(route) && !NEVER_WELL.has(route))).toEqual(
    [],
  );
});
