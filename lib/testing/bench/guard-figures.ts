import { generateKeyPairSync } from "node:crypto";
import { SignJWT } from "jose";
import { type Child, startMeasured, startPart } from "./child";
import { us } from "./database-usage";
import type { LoadOrder, LoadReport } from "./load";
import { type Bench, CONNECTIONS, made, median, part, portOf, ROUND_S, ROUNDS } from "./parts";
import { fixed, judged, rows, say } from "./report";
import type { SignOrder, SignReport } from "./sign";

type Round = LoadReport & { nodeUs: number };

/** The guard of endpoints beside a bare server that verifies the same tokens, and signing beside jose alone. */
export async function guardFigures(
  bench: Bench,
  { server, port, url, workspaceId }: { server: Child; port: number; url: string; workspaceId: string },
): Promise<void> {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const checkPath = await makeEndpoint(bench, url, workspaceId, pem);
  const token = await new SignJWT({ sub: "somebody", scope: "orders:read orders:write", aud: "bench" })
    .setProtectedHeader({ alg: "RS256" })
    .setExpirationTime("1h")
    .sign(privateKey);
  const spki = publicKey.export({ type: "spki", format: "pem" }).toString();
  const bare = startMeasured(part("bare-verify"), { BENCH_PUBLIC_KEY: spki }, bench.logFile);
  const load = startPart("load");
  const order = (to: number, path: string): LoadOrder => ({
    port: to,
    paths: [path],
    headers: [`Authorization: Bearer ${token}`],
    connections: CONNECTIONS,
    warmUpS: 0.7,
    seconds: ROUND_S,
    expected: 204,
  });
  const contestants = {
    bare: { of: bare, order: order(await portOf(bare), "/") },
    guard: { of: server, order: order(port, checkPath) },
  };
  const seen: Record<keyof typeof contestants, Round[]> = { bare: [], guard: [] };
  for (let round = 1; round <= ROUNDS; round++) {
    say(`Verifying tokens, round ${round} of ${ROUNDS}`);
    for (const name of ["bare", "guard"] as const) {
      const contestant = contestants[name];
      const before = await contestant.of.usage();
      const report = await load.ask<LoadReport>(contestant.order);
      const after = await contestant.of.usage();
      if (report.bad > 0) throw new Error(`${name}: ${report.bad} answers were bad, the first: ${report.firstBad}`);
      seen[name].push({ ...report, nodeUs: (after.cpuUs - before.cpuUs) / report.all });
    }
  }
  await Promise.all([bare.stop(), load.stop()]);

  say("Signing tokens");
  const signer = startPart("sign");
  const signed = await signer.ask<SignReport>({ pem, seconds: ROUNDS * ROUND_S } satisfies SignOrder);
  await signer.stop();

  const [b, g] = [median(seen.bare), median(seen.guard)];
  const share = signed.latchkey / signed.jose;
  const line = ({ perSecond, p50Ms, p99Ms, nodeUs }: Round) =>
    `${fixed(perSecond, 7)}/s   p50 ${p50Ms.toFixed(1)} ms  p99 ${p99Ms.toFixed(1)} ms   CPU a check: Node ${us(nodeUs)}`;
  const ratio = g.perSecond / b.perSecond;
  rows(`Signed tokens (RS256, 2048 bits), median of ${ROUNDS} rounds`, [
    [`bare node:http with jose, ${CONNECTIONS} connections`, line(b)],
    ["the guard (endpoint, token, scopes, log)", line(g)],
    ["verified", judged(`${ratio.toFixed(2)} of bare`, "≥ 5,000/s or ≥ 0.50", g.perSecond >= 5_000 || ratio >= 0.5)],
    ["signed by jose", `${fixed(signed.jose, 7)}/s`],
    [
      "signed by Latchkey",
      `${fixed(signed.latchkey, 7)}/s   ${judged(`${share.toFixed(2)} of jose`, "≥ 0.80", share >= 0.8)}`,
    ],
  ]);
}

/** @returns the path that a proxy asks */
async function makeEndpoint(bench: Bench, url: string, workspaceId: string, pem: string): Promise<string> {
  const make = (path: string, data: unknown) => made(bench, `${url}/v2/workspaces/${workspaceId}/${path}`, data);
  const secret = { name: "Bench guard", type: "rs256", credentials: { private_key: pem, audience: "bench" } };
  const id = await make("secrets", { type: "auth-secret", attributes: secret });
  const endpointId = await make("endpoints", {
    type: "endpoint",
    attributes: { name: "Bench", scopes: ["orders:read"] },
    relationships: { secrets: { data: [{ id, type: "auth-secret" }] } },
  });
  return `/inbound/${endpointId}/check`;
}
