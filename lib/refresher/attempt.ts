import type { OAuthClient } from "@/lib/auth-clients/client";
import type { Lease, Outcome, World } from "./world";

/** One attempt under way, as its steps hand it on. */
export interface Attempt {
  world: World;
  lease: Lease;
  actor: string | null;
  /** Monotonic. */
  started: number;
  /** Monotonic; when the last request was asked for. */
  askedAt: number;
  client: OAuthClient | null;
  /** Requests written so far. */
  calls: number;
  heard: (() => void) | undefined;
}

/** The row moved on without us. */
export function superseded(attempt: Attempt): Outcome {
  tell(attempt, "superseded");
  return { kind: "superseded" };
}

/** Says what became of it, for the log and the metrics. */
export function tell(attempt: Attempt, outcome: Parameters<World["report"]>[0]["outcome"], code?: string): void {
  const { world, lease, client, started } = attempt;
  world.report({
    lease,
    host: client ? world.provider.host(client) : null,
    outcome,
    durationMs: Math.round(world.clock.monotonic() - started),
    ...(code ? { code } : {}),
  });
}
