import { and, eq, sql } from "drizzle-orm";
import { authClientState, authClients } from "@/drizzle/schema/auth-clients";
import type { Tx } from "@/lib/db/tx";

/** SQL of what the refresher learned of a client: its problem, when to probe it, how it authenticates. */

/** Forgets what the refresher held against a client, so that it is tried again at once. */
export async function clearProblem(tx: Tx, tenantId: string, id: string, forgetMethod: boolean): Promise<void> {
  await tx
    .update(authClientState)
    .set({
      problem: null,
      problemVersion: null,
      nextProbeAt: null,
      ...(forgetMethod ? { authMethod: null, learned: false } : {}),
    })
    .where(and(eq(authClientState.tenantId, tenantId), eq(authClientState.authClientId, id)));
}

/** Locks the client against edits until the end of the transaction and tells whether it still has this version. */
export async function isStillVersion(tx: Tx, tenantId: string, id: string, version: number): Promise<boolean> {
  const [row] = await tx
    .select({ version: authClients.version })
    .from(authClients)
    .where(and(eq(authClients.tenantId, tenantId), eq(authClients.id, id)))
    .for("share");
  return row?.version === version;
}

/** Writes the refresher's verdict; `isStillVersion` first. The next probe is `probeAfterMs` from now, by the database's clock. */
export async function writeProblem(
  tx: Tx,
  client: { tenantId: string; id: string; version: number },
  problem: Record<string, unknown>,
  probeAfterMs: number,
): Promise<void> {
  const state = {
    problem,
    problemVersion: client.version,
    nextProbeAt: sql`now() + ${probeAfterMs}::float8 * interval '1 ms'`,
  };
  await tx
    .insert(authClientState)
    .values({ tenantId: client.tenantId, authClientId: client.id, ...state })
    .onConflictDoUpdate({ target: [authClientState.tenantId, authClientState.authClientId], set: state });
}

/** Writes that a client works, and how it authenticates when that was found out. */
export async function writeOk(
  tx: Tx,
  client: { tenantId: string; id: string },
  authMethod: string | null,
): Promise<void> {
  const state = {
    problem: null,
    problemVersion: null,
    nextProbeAt: null,
    lastOkAt: sql`now()`,
    ...(authMethod === null ? {} : { authMethod, learned: true }),
  };
  await tx
    .insert(authClientState)
    .values({ tenantId: client.tenantId, authClientId: client.id, ...state })
    .onConflictDoUpdate({ target: [authClientState.tenantId, authClientState.authClientId], set: state });
}

export interface ClientState {
  problem: Record<string, unknown> | null;
  problemVersion: number | null;
  authMethod: string | null;
  lastOkAt: Date | null;
}

export async function findState(tx: Tx, tenantId: string, id: string): Promise<ClientState | null> {
  const [row] = await tx
    .select({
      problem: authClientState.problem,
      problemVersion: authClientState.problemVersion,
      authMethod: authClientState.authMethod,
      lastOkAt: authClientState.lastOkAt,
    })
    .from(authClientState)
    .where(and(eq(authClientState.tenantId, tenantId), eq(authClientState.authClientId, id)));
  return row ?? null;
}
